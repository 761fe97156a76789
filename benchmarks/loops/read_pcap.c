/* What libpcap takes to read a file when nothing is done with the packets. */
#include <pcap/pcap.h>
#include <stdio.h>

static void ignore(u_char *count, const struct pcap_pkthdr *header, const u_char *frame)
{
    (void)header, (void)frame;
    ++*(unsigned long *)count;
}

int main(int argc, char **argv)
{
    char problem[PCAP_ERRBUF_SIZE];
    unsigned long count = 0;
    pcap_t *capture = argc == 2 ? pcap_open_offline(argv[1], problem) : NULL;
    if (!capture)
        return 1;
    while (pcap_dispatch(capture, -1, ignore, (u_char *)&count) > 0)
        ;
    pcap_close(capture);
    printf("%lu\n", count);
    return 0;
}
