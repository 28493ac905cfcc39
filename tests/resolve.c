/* resolve NAME: print the first address of a name, as this libc finds it. */
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>

int
main(int argc, char **argv)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	char text[NI_MAXHOST];
	int error = argc < 2 ? EAI_NONAME : getaddrinfo(argv[1], NULL, &hints,
	    &found);

	if (error == 0)
		error = getnameinfo(found->ai_addr, found->ai_addrlen, text,
		    sizeof(text), NULL, 0, NI_NUMERICHOST);
	puts(error ? gai_strerror(error) : text);
	return error != 0;
}
