# The host tool's objects but main.c, one a line.
patcher_sources := \
	patcher/problem.c
