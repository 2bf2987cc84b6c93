/* The service of the benchmark: appends its pid and the time of its first
 * instruction (CLOCK_MONOTONIC, ns) to the file $STAMP, 16 bytes, and waits. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int main(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	int64_t record[2] = {getpid(), now.tv_sec * 1000000000LL + now.tv_nsec};
	int fd = open(getenv("STAMP"), O_WRONLY | O_APPEND | O_CREAT, 0666);
	if (fd < 0 || write(fd, record, sizeof record) != sizeof record) return 1;
	close(fd);
	for (;;) pause();
}
