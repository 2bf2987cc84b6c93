/* The other side of the benchmark: libzmq's own forwarder, and load.
 *
 *   peers proxy                                  zmq_proxy(XSUB, XPUB) on two free ports
 *   peers {raw|zmq}sub ENDPOINT N SIZE [PREFIX]  N subscribers to everything, or to N prefixes
 *   peers {raw|zmq}pub ENDPOINT N SIZE           N publishers, as fast as they can
 *   peers stall ENDPOINT N SIZE [PREFIX]         N subscribers to everything, or to a prefix, who never read
 *   peers slowsub ENDPOINT N RATE                latsub that reads RATE messages a second at most
 *   peers spin ENDPOINT N SIZE                   N threads that are busy with nothing
 *   peers latsub ENDPOINT N                      N subscribers: one-way latencies of what latpub sends
 *   peers latpub ENDPOINT N SIZE RATE            N publishers: RATE messages a second together, each
 *                                                with its time
 *
 * raw speaks ZMTP 3.0 by hand, with as little work as possible, so that the
 * forwarder is what is measured. Each says "ready" on stdout when its
 * connections stand; sub answers each line on stdin with the messages received
 * so far; all end with stdin.
 *
 * With CURVE in the environment the proxy speaks CURVE and says its public key
 * behind its endpoints; with CURVE_SERVER, a public key, zmq clients do.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

static void die(const char *what) { perror(what); exit(1); }

static void *context;
static const char *endpoint;
static const char *prefix = "";
static long count;
static long size;
static long rate;
static volatile int ready;
static _Atomic long received[1024];

static double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void all(int fd, const void *p, size_t n) {
	while (n > 0) {
		ssize_t k = write(fd, p, n);
		if (k < 0) exit(0); /* the forwarder has gone: the run is over */
		p = (const char *)p + k;
		n -= k;
	}
}

static void get(int fd, void *p, size_t n) {
	while (n > 0) {
		ssize_t k = read(fd, p, n);
		if (k <= 0) exit(0);
		p = (char *)p + k;
		n -= k;
	}
}

/* raw_connect connects and shakes hands as ZMTP 3.0, NULL. */
static int raw_connect(const char *type) {
	struct sockaddr_in a = {.sin_family = AF_INET};
	char host[64];
	int port, one = 1;
	if (sscanf(endpoint, "tcp://%63[^:]:%d", host, &port) != 2) exit(2);
	inet_pton(AF_INET, host, &a.sin_addr);
	a.sin_port = htons(port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd, (void *)&a, sizeof a) < 0) die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	unsigned char g[64] = {0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0, 'N', 'U', 'L', 'L'}, b[256];
	all(fd, g, 64);
	get(fd, g, 64);
	int t = strlen(type), n = 0;
	b[n++] = 4;
	b[n++] = 6 + 12 + 4 + t;
	memcpy(b + n, "\5READY\13Socket-Type\0\0\0", 6 + 12 + 3), n += 6 + 12 + 3;
	b[n++] = t;
	memcpy(b + n, type, t), n += t;
	all(fd, b, n);
	get(fd, b, 2);
	get(fd, b + 2, b[1]);
	return fd;
}

static size_t header(unsigned char *b, size_t n) {
	if (n < 256) { b[0] = 0; b[1] = n; return 2; }
	b[0] = 2;
	for (int i = 0; i < 8; i++) b[1 + i] = (uint64_t)n >> (56 - 8 * i);
	return 9;
}

static void *rawpub(void *arg) {
	int fd = raw_connect("PUB");
	unsigned char b[3];
	get(fd, b, 3); /* everything */
	unsigned char h[9];
	size_t hn = header(h, size), frame = hn + size, many = 1 + (256 << 10) / frame;
	char *buf = malloc(frame * many);
	memset(buf, 'x', frame * many);
	for (size_t i = 0; i < many; i++) memcpy(buf + i * frame, h, hn);
	__sync_fetch_and_add(&ready, 1);
	for (;;) all(fd, buf, frame * many);
	return arg;
}

/* subscription is everything, or a prefix of subscriber n's own. */
static void subscription(char topic[64], long n) {
	*topic = 0;
	if (*prefix) snprintf(topic, 64, "%s.%ld", prefix, n);
}

static void *rawsub(void *arg) {
	long me = (long)arg;
	int fd = raw_connect("SUB");
	char topic[64];
	subscription(topic, me);
	unsigned char sub[66] = {0, 1 + strlen(topic), 1};
	memcpy(sub + 3, topic, strlen(topic));
	all(fd, sub, 3 + strlen(topic));
	__sync_fetch_and_add(&ready, 1);
	unsigned char h[9];
	long frame = header(h, size) + size, bytes = 0;
	size_t most = 512 << 10;
	char *buf = malloc(most);
	for (;;) {
		ssize_t n = read(fd, buf, most);
		if (n <= 0) exit(0);
		bytes += n;
		received[me] = bytes / frame;
	}
	return arg;
}

static void *spin(void *arg) {
	__sync_fetch_and_add(&ready, 1);
	for (volatile long i = 0;; i++) {}
	return arg;
}

static void *stall(void *arg) {
	int fd = raw_connect("SUB");
	unsigned char sub[66] = {0, 1 + strlen(prefix), 1};
	memcpy(sub + 3, prefix, strlen(prefix));
	all(fd, sub, 3 + strlen(prefix));
	__sync_fetch_and_add(&ready, 1);
	pause();
	return arg;
}

/* keys makes a socket a client of CURVE_SERVER, with a pair of its own. */
static void keys(void *s) {
	const char *server = getenv("CURVE_SERVER");
	char public[41], secret[41];
	if (!server) return;
	if (zmq_curve_keypair(public, secret)) die("zmq_curve_keypair");
	zmq_setsockopt(s, ZMQ_CURVE_SERVERKEY, server, 40);
	zmq_setsockopt(s, ZMQ_CURVE_PUBLICKEY, public, 40);
	zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, secret, 40);
}

static void *zmqpub(void *arg) {
	void *s = zmq_socket(context, ZMQ_XPUB);
	keys(s);
	if (zmq_connect(s, endpoint)) die("zmq_connect");
	char sub[16];
	zmq_recv(s, sub, sizeof sub, 0); /* joined */
	char *buf = malloc(size);
	memset(buf, 'x', size);
	__sync_fetch_and_add(&ready, 1);
	for (;;) zmq_send(s, buf, size, 0);
	return arg;
}

static void *zmqsub(void *arg) {
	long me = (long)arg;
	void *s = zmq_socket(context, ZMQ_SUB);
	keys(s);
	char topic[64];
	subscription(topic, me);
	zmq_setsockopt(s, ZMQ_SUBSCRIBE, topic, strlen(topic));
	if (zmq_connect(s, endpoint)) die("zmq_connect");
	__sync_fetch_and_add(&ready, 1);
	for (;;) {
		zmq_msg_t m;
		zmq_msg_init(&m);
		if (zmq_msg_recv(&m, s, 0) < 0) exit(0);
		zmq_msg_close(&m);
		received[me]++;
	}
	return arg;
}

static void *latpub(void *arg) {
	int fd = raw_connect("PUB");
	unsigned char b[3];
	get(fd, b, 3);
	unsigned char *buf = malloc(9 + size);
	memset(buf, 'x', 9 + size);
	size_t hn = header(buf, size);
	__sync_fetch_and_add(&ready, 1);
	/* publishers take turns */
	for (double next = now() + (double)(long)arg / rate;; next += (double)count / rate) {
		double left = next - now();
		if (left > 0) usleep(left * 1e6);
		double t = now();
		memcpy(buf + hn, "latency ", 8);
		memcpy(buf + hn + 8, &t, sizeof t);
		all(fd, buf, hn + size);
	}
	return arg;
}

static double *samples[256];
enum { room = 1 << 18 };
static int compare(const void *a, const void *b) {
	double x = *(double *)a, y = *(double *)b;
	return (x > y) - (x < y);
}

static void *latsub(void *arg) {
	long me = (long)arg;
	samples[me] = calloc(room, sizeof(double));
	int fd = raw_connect("SUB");
	all(fd, "\0\11\1latency ", 11);
	__sync_fetch_and_add(&ready, 1);
	unsigned char h[9], *body = malloc(4 << 20);
	long burst = 0;
	for (;;) {
		get(fd, h, 2);
		size_t n = h[1];
		if (h[0] & 2) {
			get(fd, h + 2, 7);
			n = 0;
			for (int i = 1; i < 9; i++) n = n << 8 | h[i];
		}
		get(fd, body, n);
		double t;
		memcpy(&t, body + 8, sizeof t);
		long k = received[me];
		if (k < room) {
			samples[me][k] = now() - t;
			received[me] = k + 1;
		}
		/* size is the rate of a slow one, who wakes up a hundred times a second */
		if (size && ++burst >= size / 100) usleep(10000), burst = 0;
	}
	return arg;
}

/* latencies prints how many there were since the last time, the median and the
 * 99th percentile in microseconds. */
static void latencies(void) {
	static double sorted[room];
	long n = 0;
	for (long i = 0; i < count; i++) {
		long k = received[i];
		if (k > room - n) k = room - n;
		memcpy(sorted + n, samples[i], k * sizeof *sorted);
		n += k;
		received[i] = 0;
	}
	qsort(sorted, n, sizeof *sorted, compare);
	printf("%ld %.1f %.1f\n", n, n ? sorted[n / 2] * 1e6 : 0, n ? sorted[n * 99 / 100] * 1e6 : 0);
}

static void *until_stdin_ends(void *arg) {
	char b;
	while (read(0, &b, 1) > 0) {}
	_exit(0);
}

static int proxy(void) {
	void *in = zmq_socket(context, ZMQ_XSUB), *out = zmq_socket(context, ZMQ_XPUB);
	char a[64], b[64], public[41] = "", secret[41];
	size_t n = sizeof a, m = sizeof b;
	if (getenv("CURVE")) {
		int one = 1;
		if (zmq_curve_keypair(public, secret)) die("zmq_curve_keypair");
		zmq_setsockopt(in, ZMQ_CURVE_SERVER, &one, sizeof one);
		zmq_setsockopt(in, ZMQ_CURVE_SECRETKEY, secret, 40);
		zmq_setsockopt(out, ZMQ_CURVE_SERVER, &one, sizeof one);
		zmq_setsockopt(out, ZMQ_CURVE_SECRETKEY, secret, 40);
	}
	if (zmq_bind(in, "tcp://127.0.0.1:*") || zmq_bind(out, "tcp://127.0.0.1:*")) die("zmq_bind");
	zmq_getsockopt(in, ZMQ_LAST_ENDPOINT, a, &n);
	zmq_getsockopt(out, ZMQ_LAST_ENDPOINT, b, &m);
	printf("%s %s %s\n", a, b, public);
	fflush(stdout);
	pthread_t t;
	pthread_create(&t, NULL, until_stdin_ends, NULL);
	return zmq_proxy(in, out, NULL);
}

int main(int argc, char **argv) {
	context = zmq_ctx_new();
	if (argc < 2) return 2;
	if (!strcmp(argv[1], "proxy")) return proxy();
	if (argc < 3) return 2;
	static const struct { const char *name; void *(*run)(void *); } modes[] = {
		{"rawpub", rawpub}, {"rawsub", rawsub}, {"stall", stall}, {"spin", spin}, {"zmqpub", zmqpub}, {"zmqsub", zmqsub}, {"latpub", latpub}, {"latsub", latsub}, {"slowsub", latsub},
	};
	void *(*run)(void *) = NULL;
	for (unsigned i = 0; i < sizeof modes / sizeof *modes; i++)
		if (!strcmp(argv[1], modes[i].name)) run = modes[i].run;
	if (!run) return 2;
	if (argc < 4 || (argc < 5 && run != latsub)) return 2;
	endpoint = argv[2];
	count = atol(argv[3]);
	if (argc > 4) size = atol(argv[4]);
	if (argc > 5) prefix = argv[5], rate = atol(argv[5]);
	pthread_t t;
	for (long i = 0; i < count; i++) pthread_create(&t, NULL, run, (void *)i);
	while (ready < count) usleep(1000);
	puts("ready");
	fflush(stdout);
	char line[16];
	while (fgets(line, sizeof line, stdin)) {
		if (run == latsub) {
			latencies();
		} else {
			long sum = 0;
			for (long i = 0; i < count; i++) sum += received[i];
			printf("%ld\n", sum);
		}
		fflush(stdout);
	}
	_exit(0);
}
