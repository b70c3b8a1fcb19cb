package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Below the range that Linux takes outgoing connections' ports from (32768 up): a component that is stopped for
// a while must find its port still free when it is started again.
const (
	firstPort = 20000
	lastPort  = 32000
)

// freePorts prints ports nobody listens on. They are drawn at random, so that clusters which start at the same
// time rarely draw the same one; who loses that race sees it in the log and in a failed start.
func freePorts(args []string) int {
	flags := flag.NewFlagSet("free-ports", flag.ExitOnError)
	address := flags.String("address", "127.0.0.1", "address to listen on")
	count := flags.Int("count", 1, "how many")
	_ = flags.Parse(args)

	// All listeners stay open until the end, so that no port is printed twice.
	for tries := 0; *count > 0; tries++ {
		if tries == 1000 {
			return fail("free-ports: can't listen on %s", *address)
		}
		port := firstPort + rand.IntN(lastPort-firstPort)
		listener, err := net.Listen("tcp", net.JoinHostPort(*address, strconv.Itoa(port)))
		if err != nil {
			continue
		}
		defer listener.Close()
		fmt.Println(port)
		*count--
	}
	return 0
}
