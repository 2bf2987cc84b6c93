// czmq's certificates: certificate FILE prints what czmq reads of one,
// certificate new FILE writes one of its own, both halves.
#include <czmq.h>

int main(int argc, char **argv)
{
    if (argc == 3 && streq(argv[1], "new")) {
        zcert_t *made = zcert_new();
        zcert_set_meta(made, "role", "serve");
        zcert_set_meta(made, "services", "ts001 ts002");
        int failed = zcert_save(made, argv[2]);
        puts(zcert_public_txt(made));
        zcert_destroy(&made);
        return failed ? 1 : 0;
    }
    zcert_t *read = argc == 2 ? zcert_load(argv[1]) : NULL;
    if (!read)
        return 1;
    const char *names[] = {"name", "role", "services", "server-key"};
    puts(zcert_public_txt(read));
    puts(zcert_secret_txt(read));
    for (int i = 0; i < 4; i++)
        puts(zcert_meta(read, names[i]) ? zcert_meta(read, names[i]) : "-");
    zcert_destroy(&read);
    return 0;
}
