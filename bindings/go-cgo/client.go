// SPDX-License-Identifier: Apache-2.0

package k8sleader

// #include "glue.h"
import "C"

import (
	"context"
	"runtime"
)

// Client is one cluster: one thread of the library's, few connections, any number of elections. Any goroutine may use it.
//
// End it with Shutdown, which lets the work of what leads end first, or with Close, which does not. A client that was
// forgotten is closed by the garbage collector once none of its elections stands any more; it never ends an election, and
// never gives a lock back. Since 1.0.
type Client struct {
	core *core
}

// NewClient makes a client. It does not wait for the server, which may come later.
func NewClient(config ClientConfig) (*Client, error) {
	if err := checkVersion(); err != nil {
		return nil, err
	}
	made, err := config.make()
	if err != nil {
		return nil, err
	}
	var ptr *C.k8sleader_client
	var failure *C.k8sleader_error
	code := C.k8sleader_client_new(made, &ptr, &failure)
	if code != 0 {
		C.k8sleader_config_free(made)
		return nil, takeError(code, failure)
	}
	core, err := newCore(ptr, newLogSink(config.logger()))
	if err != nil {
		C.k8sleader_client_free(ptr)
		return nil, err
	}
	client := &Client{core: core}
	// Elections that stand hold the client, and the core's goroutine holds them: this runs when there are none.
	runtime.SetFinalizer(client, func(c *Client) { c.core.end() })
	return client, nil
}

// Stop asks every election to stop, and takes no new ones. Each still drains and is released. Returns at once.
func (c *Client) Stop() {
	if c.core.refs.acquire() {
		C.k8sleader_client_close(c.core.ptr)
		c.core.release()
	}
}

// Done is closed when the client has ended: after a Stop or Shutdown with the last of its elections, after Close at once.
func (c *Client) Done() <-chan struct{} { return c.core.over }

// Shutdown stops every election and waits until all have ended: work is told to end by its context, locks are released
// when it was handed back. When ctx ends first, its error is returned and the elections go on ending.
func (c *Client) Shutdown(ctx context.Context) error {
	c.Stop()
	select {
	case <-c.core.over:
		c.core.logs.flush()
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close ends the client now. The contexts of all terms are cancelled first. What was not handed back is not released but
// runs out, since its work may still run; a release that is under way gets up to two seconds, and a Logger one for what the
// library said last.
func (c *Client) Close() error {
	c.core.end()
	<-c.core.over
	c.core.logs.flush()
	return nil
}
