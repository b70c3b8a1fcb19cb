/* Lines for whoever reads `kubectl logs`. */
#ifndef LOG_H
#define LOG_H

/* One line on stderr, with the time. From any thread. */
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same for what goes wrong again with each attempt: a line that was said less than a minute ago is left
 * out. */
void log_problem(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
