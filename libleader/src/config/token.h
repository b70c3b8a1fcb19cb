/* Bearer tokens: what may go into an Authorization header. */
#ifndef KL_TOKEN_H
#define KL_TOKEN_H

/*
 * The token in `text` without the white space around it, a malloc'd copy in *out. *problem is a static phrase
 * on CONFIG; it never quotes the token. Errors: CONFIG, NO_MEMORY.
 */
int kl_token_copy(const char *text, char **out, const char **problem);

#endif
