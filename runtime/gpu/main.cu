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
 * shared lock of it they check, under an exclusive one each is timed. One whose
 * kernels do not end says so and ends, for the others wait. */
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

#ifndef TURN_SECONDS
#define TURN_SECONDS 60
#endif

enum { BLOCKS = 15, NO_DEVICE = 4, FAULTED = 3 };

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
};

static const char *mode = "late";

static void check(cudaError_t status, const char *what)
{
	if (status == cudaSuccess)
		return;
	printf("%s fault device line 0 block 0 0 0 thread -1: %s: %s\n", mode,
		what, cudaGetErrorString(status));
	exit(FAULTED);
}

static void *allocate(size_t bytes)
{
	void *p;

	check(cudaMalloc(&p, bytes ? bytes : 1), "cudaMalloc");
	return p;
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

static void too_long(int)
{
	static const char text[] = "late fault device line 0 block 0 0 0 "
		"thread -1: the kernels do not end\n";

	_exit(write(1, text, sizeof text - 1) < 0 ? FAULTED + 2 : FAULTED);
}

static void take_turn(int how)
{
	if (turns < 0)
		return;
	alarm(0);
	flock(turns, LOCK_UN);
	while (flock(turns, how) && errno == EINTR)
		;
	alarm(TURN_SECONDS);
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

	*j = job{ "late", 255, {} };
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

/* Outputs go in too: they carry their poison. */
static void open_tensors(job *j)
{
	for (tensor &t : j->tensors) {
		std::vector<char> host(t.bytes);

		move_file(t, host.data(), true);
		t.device = allocate(t.bytes);
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
static void *prepare(void *const *tensors, int poison)
{
	size_t bytes = wpk_emu_prepared();
	void *prepared = allocate(bytes);
	int code;

	if (!bytes)
		return prepared;
	check(cudaMemset(prepared, poison, bytes), "cudaMemset");
	check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
	code = wpk_emu_prepare(tensors, prepared, bytes);
	if (code) {
		printf("%s returned %d\n", mode, code);
		exit(FAULTED);
	}
	check(cudaStreamSynchronize(wpk_gpu_stream), "preparing");
	return prepared;
}

/* ---- time ---- */

/* Other tensors of the same contents: what a launch finds cold. */
static std::vector<void *> copy_set(const job &j)
{
	std::vector<void *> p;

	for (const tensor &t : j.tensors) {
		p.push_back(allocate(t.bytes));
		check(cudaMemcpy(p.back(), t.device, t.bytes,
			cudaMemcpyDeviceToDevice), "cudaMemcpy");
	}
	return p;
}

static size_t set_bytes(const job &j)
{
	size_t bytes = 1;

	for (const tensor &t : j.tensors)
		bytes += t.bytes;
	return bytes;
}

static double replay(cudaGraphExec_t graph, int launches)
{
	cudaEvent_t begin, end;
	float ms = 0;

	check(cudaEventCreate(&begin), "cudaEventCreate");
	check(cudaEventCreate(&end), "cudaEventCreate");
	check(cudaEventRecord(begin, wpk_gpu_stream), "cudaEventRecord");
	check(cudaGraphLaunch(graph, wpk_gpu_stream), "cudaGraphLaunch");
	check(cudaEventRecord(end, wpk_gpu_stream), "cudaEventRecord");
	check(cudaEventSynchronize(end), "cudaEventSynchronize");
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

/* Enough launches for replay_seconds, a multiple of the sets. */
static timing measure(const std::vector<std::vector<void *>> &sets,
	void *workspace)
{
	int n = (int)sets.size();
	double one = replay(record(sets, workspace, n), n);
	std::vector<double> t;
	cudaGraphExec_t graph;

	while (n * one < replay_seconds && n < 4000)
		n += (int)sets.size();
	graph = record(sets, workspace, n);
	replay(graph, n);
	for (int i = 0; i < BLOCKS; i++)
		t.push_back(replay(graph, n));
	cudaGraphExecDestroy(graph);
	std::sort(t.begin(), t.end());
	return timing{ t[BLOCKS / 2], (t[BLOCKS * 3 / 4] - t[BLOCKS / 4]) /
		t[BLOCKS / 2], n };
}

static void tell_time(const job &j, void *workspace,
	const cudaDeviceProp &device)
{
	size_t want = 3 * (size_t)device.l2CacheSize / set_bytes(j) + 1;
	std::vector<std::vector<void *>> sets = { pointers(j) };
	timing hot, cold;

	take_turn(LOCK_EX);
	hot = measure(sets, workspace);

	for (size_t i = 1; i < std::min(std::max(want, (size_t)4), (size_t)256); i++)
		sets.push_back(copy_set(j));
	cold = measure(sets, workspace);
	printf("%s time cold %.6g hot %.6g spread %.3g launches %d\n", mode,
		cold.median, hot.median, cold.spread, cold.launches);
}

/* ---- */

static void run_job(job *j, bool timed, const cudaDeviceProp &device)
{
	size_t bytes = wpk_emu_workspace();
	void *workspace = allocate(bytes), *prepared;

	open_tensors(j);
	prepared = prepare(pointers(*j).data(), j->poison);
	check(cudaMemset(workspace, j->poison, bytes), "cudaMemset");
	check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
	launch(pointers(*j).data(), workspace);
	check(cudaGetLastError(), "launch");
	check(cudaStreamSynchronize(wpk_gpu_stream), "the kernel");
	close_tensors(*j);
	if (timed)
		tell_time(*j, workspace, device);
	printf("%s done\n", mode);
	for (const tensor &t : j->tensors)
		cudaFree(t.device);
	cudaFree(workspace);
	cudaFree(prepared);
}

int main()
{
	cudaDeviceProp device;
	std::vector<job> jobs;
	cudaError_t status;
	int driver = 0;
	job j;

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
