/* The least that a command can do; static, for tests/bench.c. */
int
main(void)
{
	return 0;
}
