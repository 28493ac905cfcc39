/* The smallest possible command; static, for tests/bench.c. */
int
main(void)
{
	return 0;
}
