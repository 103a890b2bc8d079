/* SPDX-License-Identifier: MIT */
/* The main program of an emitted kernel on a GPU. It takes the jobs that
 * runtime/emu/main.c takes, one fact a line, runs the launcher whole on device
 * 0, hands the outputs back, and after the last job times it:
 *
 *	late device NVIDIA H200, sm_90, 132 multiprocessors, driver 13000
 *	late done
 *	early time cold 9.83e-06 hot 8.12e-06 spread 0.02 launches 40
 *	early done
 *
 * Times are seconds a launch: the median of BLOCKS replays of a CUDA graph, hot
 * over one set of tensors, cold rotating over sets that together exceed three
 * times the L2 cache. "spread" is the inter-quartile range over the median.
 *
 * Many such programs may run at once, whose jobs name a file, "turns FD": under a
 * shared lock of it they check, under an exclusive one each is timed, "late waits"
 * and "late turn" around what it waits. One whose kernels do not end, each launch or
 * replay by itself, says "late timeout" and ends, for the others wait. What finds no
 * memory beside others tries again alone, or says "late memory". */
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#include <vector>

extern "C" int wpk_emu_entry(void *const *tensors, void *workspace,
	size_t bytes);
extern "C" size_t wpk_emu_workspace();
extern "C" size_t wpk_emu_prepared();
extern "C" int wpk_emu_prepare(void *const *tensors, void *prepared,
	size_t bytes);

cudaStream_t wpk_gpu_stream;

#ifndef LAUNCH_SECONDS
#define LAUNCH_SECONDS 60
#endif

enum { BLOCKS = 15, TRIES = 4, FAULTED = 3, NO_DEVICE = 4 };

/* A replay is long enough that its start does not count. */
static const double replay_seconds = 2e-3;

struct tensor {
	bool output;
	int fd;
	size_t offset, bytes;
	void *device;
};

struct job {
	const char *mode;
	int poison;
	std::vector<tensor> tensors;
	void *workspace, *prepared;
};

static const char *mode = "late";

static void check(cudaError_t status, const char *what)
{
	if (status == cudaSuccess)
		return;
	if (status == cudaErrorMemoryAllocation) {
		printf("%s memory %s\n", mode, what);
		exit(NO_DEVICE);
	}
	printf("%s fault device line 0 block 0 0 0 thread -1: %s: %s\n", mode,
		what, cudaGetErrorString(status));
	exit(FAULTED);
}

/* Is there memory? Another error than that is told by nobody later. */
static bool allocate(size_t bytes, void **p)
{
	cudaError_t status = cudaMalloc(p, bytes ? bytes : 1);

	if (status == cudaErrorMemoryAllocation) {
		*p = NULL;
		cudaGetLastError();
		return false;
	}
	check(status, "cudaMalloc");
	return true;
}

/* ---- turns ---- */

static int turns = -1;

/* A lock is of the file as it was opened: each program opens it anew. */
static void open_turns(int fd)
{
	char path[40];

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (turns < 0)
		turns = open(path, O_RDWR | O_CLOEXEC);
}

static void take_turn(int how)
{
	if (turns < 0)
		return;
	printf("%s waits\n", mode);
	flock(turns, LOCK_UN);
	while (flock(turns, how) && errno == EINTR)
		;
	printf("%s turn\n", mode);
}

static void too_long(int)
{
	static const char text[] = "late timeout: the kernels do not end\n";

	_exit(write(1, text, sizeof text - 1) < 0 ? FAULTED + 2 : FAULTED);
}

/* What is launched from here on until "unwatch" and takes so many seconds, if that
 * is known, ends. */
static void watch(double expected)
{
	alarm(LAUNCH_SECONDS + (unsigned)(4 * expected));
}

static void unwatch()
{
	alarm(0);
}

/* ---- jobs ---- */

static void read_tensor(const char *text, job *j)
{
	tensor t = {};
	char role[8];

	if (sscanf(text, "%7s %d %zu %zu", role, &t.fd, &t.offset,
		&t.bytes) != 4)
		return;
	t.output = !strcmp(role, "out");
	j->tensors.push_back(t);
}

/* The facts that only an emulator needs are passed over. */
static bool read_job(job *j)
{
	char *line = NULL;
	size_t room = 0;
	bool whole = false;

	*j = job{ "late", 255, {}, NULL, NULL };
	while (!whole && getline(&line, &room, stdin) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (!strcmp(line, "mode early"))
			j->mode = "early";
		else if (!strncmp(line, "poison ", 7))
			j->poison = atoi(line + 7);
		else if (!strncmp(line, "turns ", 6))
			open_turns(atoi(line + 6));
		else if (!strncmp(line, "tensor ", 7))
			read_tensor(line + 7, j);
		whole = !strcmp(line, "run");
	}
	free(line);
	return whole;
}

static void move_file(const tensor &t, char *host, bool in)
{
	size_t done = 0;

	while (done < t.bytes) {
		ssize_t n = in ? pread(t.fd, host + done, t.bytes - done,
			(off_t)(t.offset + done)) : pwrite(t.fd, host + done,
			t.bytes - done, (off_t)(t.offset + done));

		if (n <= 0) {
			printf("%s fault memory line 0 block 0 0 0 thread -1: a tensor's file\n",
				mode);
			exit(FAULTED);
		}
		done += (size_t)n;
	}
}

static void release(job *j)
{
	for (tensor &t : j->tensors) {
		cudaFree(t.device);
		t.device = NULL;
	}
	cudaFree(j->workspace);
	cudaFree(j->prepared);
	j->workspace = j->prepared = NULL;
}

static bool find_memory(job *j)
{
	bool there = allocate(wpk_emu_workspace(), &j->workspace) &&
		allocate(wpk_emu_prepared(), &j->prepared);

	for (tensor &t : j->tensors)
		there = there && allocate(t.bytes, &t.device);
	if (!there)
		release(j);
	return there;
}

/* All before any of it is used. Others hold theirs while they wait to be timed: where
 * there was none they go first. */
static void reserve(job *j)
{
	for (int i = 0; !find_memory(j); i++) {
		if (turns < 0 || i == TRIES)
			check(cudaErrorMemoryAllocation, "of the device");
		if (i) {
			flock(turns, LOCK_UN);
			sleep(1);
		}
		take_turn(LOCK_EX);
	}
}

/* Outputs go in too: they carry their poison. */
static void open_tensors(job *j)
{
	for (tensor &t : j->tensors) {
		std::vector<char> host(t.bytes);

		move_file(t, host.data(), true);
		check(cudaMemcpy(t.device, host.data(), t.bytes,
			cudaMemcpyHostToDevice), "cudaMemcpy");
	}
}

static void close_tensors(const job &j)
{
	for (const tensor &t : j.tensors) {
		std::vector<char> host(t.bytes);

		if (!t.output)
			continue;
		check(cudaMemcpy(host.data(), t.device, t.bytes,
			cudaMemcpyDeviceToHost), "cudaMemcpy");
		move_file(t, host.data(), false);
	}
}

static std::vector<void *> pointers(const job &j)
{
	std::vector<void *> p;

	for (const tensor &t : j.tensors)
		p.push_back(t.device);
	return p;
}

static void launch(void *const *tensors, void *workspace)
{
	int code = wpk_emu_entry(tensors, workspace, wpk_emu_workspace());

	if (code) {
		printf("%s returned %d\n", mode, code);
		exit(FAULTED);
	}
}

/* Constant operands, once: no launch that is timed does that. */
static void prepare(const job &j)
{
	size_t bytes = wpk_emu_prepared();
	int code;

	if (!bytes)
		return;
	check(cudaMemset(j.prepared, j.poison, bytes), "cudaMemset");
	check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
	watch(0);
	code = wpk_emu_prepare(pointers(j).data(), j.prepared, bytes);
	if (code) {
		printf("%s returned %d\n", mode, code);
		exit(FAULTED);
	}
	check(cudaStreamSynchronize(wpk_gpu_stream), "preparing");
	unwatch();
}

/* ---- time ---- */

/* Other tensors of the same contents: what a launch finds cold. */
static bool copy_set(const job &j, std::vector<void *> *p)
{
	for (const tensor &t : j.tensors) {
		p->push_back(NULL);
		if (!allocate(t.bytes, &p->back()))
			return false;
		check(cudaMemcpy(p->back(), t.device, t.bytes,
			cudaMemcpyDeviceToDevice), "cudaMemcpy");
	}
	return true;
}

static size_t set_bytes(const job &j)
{
	size_t bytes = 1;

	for (const tensor &t : j.tensors)
		bytes += t.bytes;
	return bytes;
}

/* Seconds a launch, where "expected" or 0 is how many the replay takes. */
static double replay(cudaGraphExec_t graph, int launches, double expected)
{
	cudaEvent_t begin, end;
	float ms = 0;

	check(cudaEventCreate(&begin), "cudaEventCreate");
	check(cudaEventCreate(&end), "cudaEventCreate");
	watch(expected);
	check(cudaEventRecord(begin, wpk_gpu_stream), "cudaEventRecord");
	check(cudaGraphLaunch(graph, wpk_gpu_stream), "cudaGraphLaunch");
	check(cudaEventRecord(end, wpk_gpu_stream), "cudaEventRecord");
	check(cudaEventSynchronize(end), "cudaEventSynchronize");
	unwatch();
	check(cudaEventElapsedTime(&ms, begin, end), "cudaEventElapsedTime");
	cudaEventDestroy(begin);
	cudaEventDestroy(end);
	return ms * 1e-3 / launches;
}

static cudaGraphExec_t record(const std::vector<std::vector<void *>> &sets,
	void *workspace, int launches)
{
	cudaGraph_t graph;
	cudaGraphExec_t exec;

	check(cudaStreamBeginCapture(wpk_gpu_stream,
		cudaStreamCaptureModeRelaxed), "cudaStreamBeginCapture");
	for (int i = 0; i < launches; i++)
		launch(sets[i % sets.size()].data(), workspace);
	check(cudaStreamEndCapture(wpk_gpu_stream, &graph),
		"cudaStreamEndCapture");
	check(cudaGraphInstantiate(&exec, graph, 0), "cudaGraphInstantiate");
	cudaGraphDestroy(graph);
	return exec;
}

struct timing {
	double median, spread;
	int launches;
};

/* Enough launches for replay_seconds, a multiple of the sets; "known" or 0 is how
 * long one takes. */
static timing measure(const std::vector<std::vector<void *>> &sets,
	void *workspace, double known)
{
	int n = (int)sets.size();
	double one = replay(record(sets, workspace, n), n, n * known);
	std::vector<double> t;
	cudaGraphExec_t graph;

	while (n * one < replay_seconds && n < 4000)
		n += (int)sets.size();
	graph = record(sets, workspace, n);
	replay(graph, n, n * one);
	for (int i = 0; i < BLOCKS; i++)
		t.push_back(replay(graph, n, n * one));
	cudaGraphExecDestroy(graph);
	std::sort(t.begin(), t.end());
	return timing{ t[BLOCKS / 2], (t[BLOCKS * 3 / 4] - t[BLOCKS / 4]) /
		t[BLOCKS / 2], n };
}

/* Sets beyond three times the L2 cache only make four of them. */
static void add_sets(const job &j, size_t want,
	std::vector<std::vector<void *>> *sets)
{
	while (sets->size() < std::min(std::max(want, (size_t)4), (size_t)256)) {
		std::vector<void *> p;

		if (!copy_set(j, &p)) {
			if (sets->size() >= want)
				return;
			check(cudaErrorMemoryAllocation, "of the device");
		}
		sets->push_back(p);
	}
}

static void tell_time(const job &j, const cudaDeviceProp &device)
{
	size_t want = 3 * (size_t)device.l2CacheSize / set_bytes(j) + 1;
	std::vector<std::vector<void *>> sets = { pointers(j) };
	timing hot, cold;

	take_turn(LOCK_EX);
	hot = measure(sets, j.workspace, 0);
	add_sets(j, want, &sets);
	cold = measure(sets, j.workspace, hot.median);
	printf("%s time cold %.6g hot %.6g spread %.3g launches %d\n", mode,
		cold.median, hot.median, cold.spread, cold.launches);
}

/* ---- */

static void run_job(job *j, bool timed, const cudaDeviceProp &device)
{
	reserve(j);
	open_tensors(j);
	prepare(*j);
	check(cudaMemset(j->workspace, j->poison, wpk_emu_workspace()),
		"cudaMemset");
	check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
	watch(0);
	launch(pointers(*j).data(), j->workspace);
	check(cudaGetLastError(), "launch");
	check(cudaStreamSynchronize(wpk_gpu_stream), "the kernel");
	unwatch();
	close_tensors(*j);
	if (timed)
		tell_time(*j, device);
	printf("%s done\n", mode);
	release(j);
}

int main()
{
	cudaDeviceProp device;
	std::vector<job> jobs;
	cudaError_t status;
	int driver = 0;
	job j;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while (read_job(&j))
		jobs.push_back(j);
	signal(SIGALRM, too_long);
	take_turn(LOCK_SH);
	status = cudaGetDeviceProperties(&device, 0);
	if (status != cudaSuccess) {
		printf("late none %s\n", cudaGetErrorString(status));
		return NO_DEVICE;
	}
	check(cudaDriverGetVersion(&driver), "cudaDriverGetVersion");
	check(cudaStreamCreateWithFlags(&wpk_gpu_stream,
		cudaStreamNonBlocking), "cudaStreamCreate");
	printf("late device %s, sm_%d%d, %d multiprocessors, driver %d\n",
		device.name, device.major, device.minor,
		device.multiProcessorCount, driver);
	for (size_t i = 0; i < jobs.size(); i++) {
		mode = jobs[i].mode;
		run_job(&jobs[i], i + 1 == jobs.size(), device);
	}
	return 0;
}
