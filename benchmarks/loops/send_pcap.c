/* Sends the frames of a pcap file out of an interface, over and over: at a rate, or as fast as it can.
 *
 *     send_pcap INTERFACE FILE SECONDS [PACKETS_PER_SECOND]
 *
 * Prints how many were handed to the kernel and in how many seconds. At most the first 256 MiB are used.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { HEADER = 24, RECORD = 16, TOGETHER = 64, LARGEST = 256 << 20, MTU = 1514 };

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

static int socket_on(const char *interface)
{
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = if_nametoindex(interface)};
    int one = 1, made = socket(AF_PACKET, SOCK_RAW, 0);
    if (made < 0 || !address.sll_ifindex || bind(made, (struct sockaddr *)&address, sizeof address))
        return -1;
    setsockopt(made, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one);
    return made;
}

int main(int argc, char **argv)
{
    struct mmsghdr message[TOGETHER] = {0};
    struct iovec piece[TOGETHER];
    if (argc < 4)
        return fprintf(stderr, "send_pcap INTERFACE FILE SECONDS [PACKETS_PER_SECOND]\n"), 2;
    int out = socket_on(argv[1]), file = open(argv[2], O_RDONLY);
    struct stat facts;
    if (out < 0 || file < 0 || fstat(file, &facts))
        return perror(argv[out < 0 ? 1 : 2]), 1;
    size_t size = facts.st_size < LARGEST ? facts.st_size : LARGEST, at = HEADER;
    char *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
    if (bytes == MAP_FAILED)
        return perror(argv[2]), 1;
    double rate = argc > 4 ? atof(argv[4]) : 0, start = seconds(), until = start + atof(argv[3]);
    unsigned long sent = 0;
    for (double now = start; now < until; now = seconds()) {
        int count = 0;
        if (rate && sent > (now - start) * rate) {
            usleep(200);
            continue;
        }
        while (count < TOGETHER) {
            uint32_t captured;
            if (at + RECORD > size || (memcpy(&captured, bytes + at + 8, 4), at + RECORD + captured > size)) {
                at = HEADER;
                continue;
            }
            piece[count].iov_base = bytes + at + RECORD;
            piece[count].iov_len = captured < MTU ? captured : MTU;
            message[count].msg_hdr.msg_iov = &piece[count];
            message[count++].msg_hdr.msg_iovlen = 1;
            at += RECORD + captured;
        }
        int done = sendmmsg(out, message, TOGETHER, 0);
        sent += done > 0 ? done : 0;
    }
    printf("%lu %.3f\n", sent, seconds() - start);
    return 0;
}
