#ifndef KL_URL_H
#define KL_URL_H

/* 1 when the text may stand for a host in a certificate: a DNS name or an IP address. */
int kl_is_host_name(const char *name);

#endif
