/* One CZMQ socket at the bus, for the matrix of peers; see voice.py.
 *
 *   voice KIND ENDPOINT [PREFIX...]       KIND is PUB or SUB
 *
 * CURVE_CERT and CURVE_SERVER_CERT are files as zcert_save and zcert_save_public
 * write them.
 */
#include <czmq.h>

static zmsg_t *message(char *line) {
	zmsg_t *m = zmsg_new();
	for (char *save, *word = strtok_r(line, " \n", &save); word; word = strtok_r(NULL, " \n", &save)) {
		size_t n = *word == '-' ? 0 : strlen(word) / 2;
		byte *b = malloc(n + 1);
		for (size_t i = 0; i < n; i++) {
			unsigned v;
			sscanf(word + 2 * i, "%2x", &v);
			b[i] = v;
		}
		zmsg_addmem(m, b, n);
		free(b);
	}
	return m;
}

static void say(zmsg_t *m) {
	for (zframe_t *f = zmsg_first(m); f;) {
		char *hex = zframe_strhex(f);
		f = zmsg_next(m);
		printf("%s%s", *hex ? hex : "-", f ? " " : "\n");
		free(hex);
	}
	fflush(stdout);
}

static int secure(zsock_t *s) {
	const char *own = getenv("CURVE_CERT"), *server = getenv("CURVE_SERVER_CERT");
	if (own && server) {
		zcert_t *mine = zcert_load(own), *its = zcert_load(server);
		if (!mine || !its) {
			fprintf(stderr, "voice: no certificate in %s, or in %s\n", own, server);
			return 1;
		}
		zcert_apply(mine, s);
		zsock_set_curve_serverkey(s, zcert_public_txt(its));
		zcert_destroy(&mine);
		zcert_destroy(&its);
	}
	if (getenv("PLAIN_USER")) {
		zsock_set_plain_username(s, getenv("PLAIN_USER"));
		zsock_set_plain_password(s, getenv("PLAIN_PASSWORD"));
	}
	return 0;
}

static int speak(zsock_t *s) {
	char *line = NULL;
	size_t room = 0;
	while (getline(&line, &room, stdin) > 0) {
		zmsg_t *m = message(line);
		if (zmsg_send(&m, s)) return 1;
	}
	free(line);
	return 0;
}

static int listen_to(zsock_t *s) {
	/* Reads no buffered input: a FILE would hide lines from the poller. */
	int in = STDIN_FILENO;
	zpoller_t *poller = zpoller_new(s, &in, NULL);
	for (void *ready; (ready = zpoller_wait(poller, -1));) {
		if (ready == s) {
			zmsg_t *m = zmsg_recv(s);
			if (!m) break;
			say(m);
			zmsg_destroy(&m);
			continue;
		}
		char line[256];
		ssize_t n = read(in, line, sizeof line - 1);
		if (n <= 0) break;
		line[n] = 0;
		line[strcspn(line, "\n")] = 0;
		if (!strncmp(line, "cancel ", 7)) zsock_set_unsubscribe(s, line + 7);
	}
	zpoller_destroy(&poller);
	return 0;
}

int main(int argc, char **argv) {
	if (argc < 3) return 2;
	int pub = !strcmp(argv[1], "PUB");
	zsys_handler_set(NULL);
	zsock_t *s = zsock_new(pub ? ZMQ_PUB : ZMQ_SUB);
	zsock_set_sndhwm(s, 0);
	zsock_set_rcvhwm(s, 0);
	zsock_set_linger(s, 0);
	if (secure(s)) return 1;
	for (int i = 3; i < argc; i++) zsock_set_subscribe(s, argv[i]);
	if (zsock_connect(s, "%s", argv[2])) return 1;
	int failed = pub ? speak(s) : listen_to(s);
	zsock_destroy(&s);
	return failed;
}
