/* SPDX-License-Identifier: MIT */
/* libwpk: runs plans that wpkc wrote, each operator by its best implementation:
 * a generated kernel, cuDNN or cuBLASLt. man libwpk(3) tells it at length.
 *
 *	struct wpk_error e;
 *	struct wpk_context *c;
 *	struct wpk_plan *p;
 *	if (wpk_context_create(&c, NULL, &e) || wpk_plan_load(c, "conv.plan", &p, &e))
 *		fprintf(stderr, "%s\n", e.text);
 *	op = wpk_plan_find(p, "conv2d");
 *	wpk_plan_run(op, tensors, 3, &memory, stream, &e);
 *
 * Tensors are DLPack's. Streams, workspace and all tensors are the caller's: to
 * run allocates nothing and waits for nothing, so it may be captured into a CUDA
 * graph. CUDA, cuDNN and cuBLASLt are opened at run time; a program that links
 * this runs without them and is told what is missing.
 *
 * Every function that can fail returns WPK_OK (0) or what went wrong, and says
 * the same with a sentence in "e", which may be NULL.
 *
 * Threads: different contexts share nothing. A context, its plans and operators
 * may be used by several threads at once, but for create, load and destroy,
 * during which nobody else uses the object, or what it belongs to. Two runs that
 * may overlap in time need workspaces of their own. */
#ifndef WPK_H
#define WPK_H

#include <stddef.h>
#include <stdint.h>

/* A dlpack.h of your own goes before this; its DLTensor is then taken. */
#if !defined(DLPACK_DLPACK_H_) && defined(__has_include)
#if __has_include(<dlpack/dlpack.h>)
#include <dlpack/dlpack.h>
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

#ifndef DLPACK_DLPACK_H_
typedef enum { kDLCPU = 1, kDLCUDA = 2, kDLCUDAHost = 3, kDLCUDAManaged = 13
} DLDeviceType;
typedef struct { DLDeviceType device_type; int32_t device_id; } DLDevice;
typedef enum { kDLInt = 0, kDLUInt = 1, kDLFloat = 2, kDLBfloat = 4
} DLDataTypeCode;
typedef struct { uint8_t code, bits; uint16_t lanes; } DLDataType;
typedef struct {
	void *data;
	DLDevice device;
	int32_t ndim;
	DLDataType dtype;
	int64_t *shape, *strides;	/* strides NULL: dense, row by row */
	uint64_t byte_offset;
} DLTensor;
#endif

/* Codes of DLPack 1.1, which older headers lack. */
enum { WPK_DL_BOOL = 6, WPK_DL_E4M3 = 10, WPK_DL_E5M2 = 12 };

#if defined(__GNUC__)
#define WPK_API __attribute__((visibility("default")))
#else
#define WPK_API
#endif

#define WPK_VERSION_NUMBER 100		/* 0.1.0: major, two digits each */

enum wpk_status {
	WPK_OK = 0,
	/* What the caller gave. */
	WPK_E_NULL,		/* a pointer is null */
	WPK_E_ARGUMENT,		/* an option or number makes no sense */
	WPK_E_COUNT,		/* more or fewer tensors than the operator has */
	WPK_E_DEVICE,		/* a tensor lies elsewhere */
	WPK_E_DTYPE,
	WPK_E_SHAPE,
	WPK_E_LAYOUT,		/* strides are not those of the layout */
	WPK_E_ALIGNMENT,
	WPK_E_OVERLAP,		/* an output overlaps another tensor */
	WPK_E_WORKSPACE,	/* too small, or missing */
	WPK_E_PREPARED,		/* constant operands were not prepared */
	/* Plans. */
	WPK_E_FILE,		/* cannot be read */
	WPK_E_SYNTAX,		/* is no JSON */
	WPK_E_PLAN,		/* is JSON, but no plan */
	WPK_E_VERSION,		/* a plan of another version */
	WPK_E_MODULE,		/* a module is missing or does not load */
	WPK_E_NO_KERNEL,	/* nothing serves this device and these shapes */
	/* The machine. */
	WPK_E_DRIVER,		/* no CUDA driver, or no such device */
	WPK_E_CUDA,		/* a call of the driver failed: e.cuda */
	WPK_E_LIBRARY,		/* cuDNN or cuBLASLt: missing, or failed */
	WPK_E_MEMORY
};

struct wpk_error {
	enum wpk_status status;
	int cuda;		/* the driver's or library's code, or 0 */
	char text[500];		/* one sentence, no full stop */
};

/* "WPK_E_SHAPE" */
WPK_API const char *wpk_status_name(enum wpk_status status);
/* That of the library, which may be newer than WPK_VERSION_NUMBER. */
WPK_API int wpk_version(void);

/* ---- contexts ---- */

struct wpk_context;

/* Start from zeros, with "size" set. Files: NULL finds the usual ones, "" does
 * without. */
struct wpk_options {
	size_t size;		/* sizeof (struct wpk_options) */
	int device;		/* its number */
	int share;		/* percent of the device that runs this; 0: 100 */
	const char *driver, *cudnn, *cublaslt;
	/* Told what is no error but worth knowing, once each: a plan that was
	 * tuned for another device, a library of another version. NULL: it is
	 * written to standard error. */
	void (*warn)(void *data, const char *text);
	void *data;
	size_t library_workspace;	/* most bytes; 0: 256 MiB */
};

/* A context of one device; retains its primary context, which must be current
 * in threads that run plans, as it is after any call of the CUDA runtime that is
 * for this device. Here it becomes so unless another is. Options may be NULL. */
WPK_API enum wpk_status wpk_context_create(struct wpk_context **out,
	const struct wpk_options *options, struct wpk_error *e);
/* Plans first. NULL does nothing. */
WPK_API void wpk_context_destroy(struct wpk_context *c);
/* Makes the device's primary context current in this thread. */
WPK_API enum wpk_status wpk_context_use(struct wpk_context *c,
	struct wpk_error *e);

/* What was found; texts live as long as the context. Versions as the libraries
 * tell them (13000, 91900, 130100), 0 where one was not found, and then why. */
struct wpk_found {
	size_t size;
	const char *device, *arch;	/* "NVIDIA H200", "sm_90" */
	int sms, share;
	int driver, cudnn, cublaslt;
	const char *no_cudnn, *no_cublaslt;
};

/* "found->size" is set by the caller. Opens the libraries, if need be. */
WPK_API enum wpk_status wpk_context_found(struct wpk_context *c,
	struct wpk_found *found, struct wpk_error *e);

/* ---- plans ---- */

struct wpk_plan;
struct wpk_operator;

typedef void *wpk_stream;	/* cudaStream_t, CUstream */

/* Memory of the caller's on the device, aligned to 256 bytes. "prepared" is
 * written by wpk_plan_prepare() and read by each run with the same constant
 * operands; "workspace" holds nothing between runs. */
struct wpk_memory {
	void *workspace;
	size_t workspace_bytes;
	void *prepared;
	size_t prepared_bytes;
};

/* Kernels that are linked into the program: the table that wpkc --calls wrote.
 * Pointers are the operator's tensors, inputs first; "sizes" the launcher's. */
struct wpk_compiled {
	const char *symbol;
	size_t (*workspace)(const long long *sizes);
	size_t (*prepared)(const long long *sizes);	/* NULL: nothing is */
	int (*prepare)(const long long *sizes, void *const *tensors,
		void *prepared, size_t bytes, wpk_stream stream);
	int (*run)(const long long *sizes, void *const *tensors,
		const struct wpk_memory *m, wpk_stream stream);
};

/* The plan in file "path", with its modules beside it. The context must outlive
 * it. */
WPK_API enum wpk_status wpk_plan_load(struct wpk_context *c, const char *path,
	struct wpk_plan **out, struct wpk_error *e);
/* The plan whose text is "text"; modules lie in "folder" (NULL: none are
 * loaded), or kernels are in "compiled" (NULL, or ended by a row of zeros). */
WPK_API enum wpk_status wpk_plan_read(struct wpk_context *c, const char *text,
	size_t bytes, const char *folder, const struct wpk_compiled *compiled,
	struct wpk_plan **out, struct wpk_error *e);
/* Nothing of it may still run. NULL does nothing. */
WPK_API void wpk_plan_destroy(struct wpk_plan *p);

WPK_API int wpk_plan_operators(const struct wpk_plan *p);
/* NULL where there is none. */
WPK_API const struct wpk_operator *wpk_plan_operator(const struct wpk_plan *p,
	int i);
WPK_API const struct wpk_operator *wpk_plan_find(const struct wpk_plan *p,
	const char *name);

enum { WPK_RANK = 16 };

/* A tensor as the operator wants it. Extents and strides, in elements, that sizes
 * decide are -1. "over": the input in whose memory an output may lie, or -1. */
struct wpk_tensor {
	size_t size;
	const char *name, *shape;	/* "[M, K]", as written */
	int output, constant;
	DLDataType dtype;
	int ndim;
	int64_t dims[WPK_RANK], strides[WPK_RANK];
	size_t align;			/* bytes */
	int over;
};

WPK_API const char *wpk_operator_name(const struct wpk_operator *op);
WPK_API int wpk_operator_tensors(const struct wpk_operator *op);
WPK_API enum wpk_status wpk_operator_tensor(const struct wpk_operator *op,
	int i, struct wpk_tensor *t, struct wpk_error *e);

/* ---- running ---- */

/* What a call with such tensors takes, and who would serve it: "conv2d_kernel"
 * or "cuDNN"; "general" where no kernel was made for just these sizes. Tensors
 * need no data yet. */
struct wpk_needs {
	size_t size;
	size_t workspace, prepared;	/* bytes */
	const char *by;
	int general;
};

WPK_API enum wpk_status wpk_plan_needs(const struct wpk_operator *op,
	const DLTensor *const *tensors, int n, struct wpk_needs *needs,
	struct wpk_error *e);

/* Tensors in the operator's order, inputs first; all "n" are checked, but of those
 * that are not constant prepare wants only shapes. Work is queued on "stream". */
WPK_API enum wpk_status wpk_plan_prepare(const struct wpk_operator *op,
	const DLTensor *const *tensors, int n, const struct wpk_memory *m,
	wpk_stream stream, struct wpk_error *e);
WPK_API enum wpk_status wpk_plan_run(const struct wpk_operator *op,
	const DLTensor *const *tensors, int n, const struct wpk_memory *m,
	wpk_stream stream, struct wpk_error *e);

/* ---- calls of libraries by themselves ---- */

/* What a launcher of wpkc's does where cuDNN or cuBLASLt computes; plans do it by
 * themselves. */
struct wpk_call;

/* The call that "text" describes, a step of wpk-plan(5), ready to run: its
 * library is opened, its algorithm chosen. WPK_E_LIBRARY: it cannot be. */
WPK_API enum wpk_status wpk_call_create(struct wpk_context *c,
	const char *text, struct wpk_call **out, struct wpk_error *e);
/* Nothing of it may still run. NULL does nothing. */
WPK_API void wpk_call_destroy(struct wpk_call *call);
/* Bytes of "scratch" that it takes. */
WPK_API size_t wpk_call_workspace(const struct wpk_call *call);
/* "tensors" by the numbers in the text, "m" (or NULL) for what lies in workspace
 * or is prepared; "scratch" aligned to 256 bytes. Queued on "stream". */
WPK_API enum wpk_status wpk_call_run(const struct wpk_call *call,
	void *const *tensors, int n, const struct wpk_memory *m, void *scratch,
	wpk_stream stream, struct wpk_error *e);

#ifdef __cplusplus
}
#endif

#endif
