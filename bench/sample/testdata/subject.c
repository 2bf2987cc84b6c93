/* A process to be looked at: 4 threads, 10 descriptors, 3 TCP sockets. SIGUSR1 makes
 * it run for some microseconds. With an argument it has so many pairs of sockets more. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void *sleeper(void *last) {
	char c;
	while (last && read(0, &c, 1) > 0)
		;
	if (last) exit(0); /* whoever started us is gone */
	for (;;) pause();
}

static void woken(int sig) { (void)sig; }

static void pair(int l, struct sockaddr_in *a) {
	int c = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(c, (struct sockaddr *)a, sizeof *a) || accept(l, NULL, NULL) < 0) exit(2);
}

int main(int argc, char **argv) {
	for (int fd = 3; fd < 1024; fd++) close(fd); /* whatever was inherited */
	sigset_t usr1;
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	pthread_attr_t small;
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 65536);
	pthread_t t;
	for (int i = 0; i < 3; i++)
		if (pthread_create(&t, &small, sleeper, i == 2 ? "last" : NULL)) return 2;
	int l = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	if (bind(l, (struct sockaddr *)&a, n) || listen(l, 16) || getsockname(l, (struct sockaddr *)&a, &n)) return 2;
	pair(l, &a);
	for (int i = argc > 1 ? atoi(argv[1]) : 0; i > 0; i--) pair(l, &a);
	for (int i = 0; i < 4; i++)
		if (open("/dev/null", O_RDONLY) < 0) return 2;
	signal(SIGUSR1, woken);
	if (write(1, "r", 1) != 1) return 2;
	for (;;) { /* only this thread is woken: the others have it blocked */
		sigset_t none;
		sigemptyset(&none);
		sigsuspend(&none);
		for (volatile int i = 0; i < 10000; i++) {
		}
	}
}
