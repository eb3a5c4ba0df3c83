/* Sends frames as they are: raw-frames INTERFACE TIMES HEX…; needs CAP_NET_RAW, which containers have. */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv) {
  int raw = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
  if (raw < 0 || argc < 4) return perror("raw-frames"), 1;
  struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(argv[1])};
  for (int times = atoi(argv[2]); times > 0; times--, usleep(20000))
    for (int i = 3; i < argc; i++) {
      unsigned char frame[1514];
      size_t length = strlen(argv[i]) / 2;
      for (size_t at = 0; at < length; at++) sscanf(argv[i] + 2 * at, "%2hhx", &frame[at]);
      if (sendto(raw, frame, length, 0, (struct sockaddr *)&to, sizeof to) < 0) return perror("sendto"), 1;
    }
  return 0;
}
