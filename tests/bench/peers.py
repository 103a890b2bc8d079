#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""PyTorch and Triton beside a plan, in one process, under the suite's protocol.

    peers.py --plan FILE --op KIND --shape TEXT [--library FILE]
        [--contenders LIST] [--flops N] [--blocks N] [--cpu]

KIND and TEXT are those of tests/data/workloads.tsv. Prints one JSON object a
contender, as tests/bench/suite does: "own" (the plan, through libwpk), "torch"
(eager), "torch-compiled" (max-autotune) and "triton" (the same, with Triton's
templates alone). Every contender is a CUDA graph of many launches that go round
sets of buffers far larger than the L2 cache, or stay with one; blocks take turns,
and a ratio is the median of those of the blocks. --cpu proves the script without
a GPU and measures nothing.
"""
import argparse
import ctypes
import json
import math
import os
import sys
import time

try:
    import torch
    import torch.nn.functional as F
except Exception as e:  # a Python without it, or with a broken one
    sys.exit("peers.py: no torch: %s" % e)

REPLAY_S, BLOCKS, COLD_BYTES, OFF = 2e-3, 9, 180e6, 0.015
MUCH_ARITHMETIC = 1e11
DTYPES = {"f16": torch.float16, "bf16": torch.bfloat16, "f32": torch.float32}


# ---- tensors, as the plan has them ----

class Tensor:
    """Logical extents and the strides of a layout that splits none of them."""

    def __init__(self, tensor, geometry):
        self.name, self.output = tensor["name"], tensor["role"] == "out"
        self.dtype = DTYPES[tensor["dtype"]]
        self.dims = geometry["dims"]
        self.strides = [1] * len(self.dims)
        for d in geometry["layout"]:
            if d["div"] != 1 or d["mod"] or not isinstance(d["stride"], int):
                raise ValueError("the layout of %s is not plain" % self.name)
            self.strides[d["dim"]] = d["stride"]

    def bytes(self):
        return math.prod(self.dims) * self.dtype.itemsize

    def make(self, room):
        t = room(self.bytes()).view(self.dtype)
        t = t.as_strided(self.dims, self.strides)
        if self.output:
            return t
        return t.uniform_(0.5, 1.5) if self.name == "var" else t.uniform_(-1, 1)


def read_plan(path):
    with open(path) as f:
        op = json.load(f)["operators"][0]
    geometry = op["variants"][0]["tensors"]
    return op["name"], [Tensor(t, g) for t, g in zip(op["tensors"], geometry)]


# ---- the plan itself, through libwpk ----

class DLTensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("device_type", ctypes.c_int),
                ("device_id", ctypes.c_int32), ("ndim", ctypes.c_int32),
                ("code", ctypes.c_uint8), ("bits", ctypes.c_uint8),
                ("lanes", ctypes.c_uint16),
                ("shape", ctypes.POINTER(ctypes.c_int64)),
                ("strides", ctypes.POINTER(ctypes.c_int64)),
                ("byte_offset", ctypes.c_uint64)]


class Error(ctypes.Structure):
    _fields_ = [("status", ctypes.c_int), ("cuda", ctypes.c_int),
                ("text", ctypes.c_char * 500)]


class Memory(ctypes.Structure):
    _fields_ = [("workspace", ctypes.c_void_p),
                ("workspace_bytes", ctypes.c_size_t),
                ("prepared", ctypes.c_void_p),
                ("prepared_bytes", ctypes.c_size_t)]


class Needs(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("workspace", ctypes.c_size_t),
                ("prepared", ctypes.c_size_t), ("by", ctypes.c_char_p),
                ("general", ctypes.c_int)]


def dl_list(tensors):
    """Pointers to DLTensors; what they point to is kept in the list's items."""
    items = []
    for t in tensors:
        shape = (ctypes.c_int64 * t.dim())(*t.shape)
        strides = (ctypes.c_int64 * t.dim())(*t.stride())
        code = 4 if t.dtype == torch.bfloat16 else 2
        items.append(DLTensor(t.data_ptr(), 2, 0, t.dim(), code,
                              8 * t.element_size(), 1, shape, strides, 0))
    return (ctypes.POINTER(DLTensor) * len(items))(
        *[ctypes.pointer(i) for i in items])


class Library:
    """libwpk, and memory that its kernels may use: PyTorch's, or the
    emulator's."""

    def __init__(self, path, cpu):
        self.cpu, self.e, self.context = cpu, Error(), ctypes.c_void_p()
        self.l = ctypes.CDLL(path)
        self.l.wpk_plan_find.restype = ctypes.c_void_p
        if cpu:
            self.driver = ctypes.CDLL(os.environ["WPK_LIBCUDA"])
        self.check(self.l.wpk_context_create(
            ctypes.byref(self.context), None, ctypes.byref(self.e)))

    def check(self, status):
        if status:
            raise RuntimeError(self.e.text.decode())

    def room(self, n):
        if not self.cpu:
            return torch.empty(max(n, 1), dtype=torch.uint8, device="cuda")
        at = ctypes.c_ulonglong()
        if self.driver.cuMemAlloc_v2(ctypes.byref(at),
                                     ctypes.c_size_t(max(n, 1))):
            raise MemoryError("the emulator's")
        return torch.frombuffer((ctypes.c_uint8 * max(n, 1)).from_address(
            at.value), dtype=torch.uint8)

    def stream(self):
        return 0 if self.cpu else torch.cuda.current_stream().cuda_stream

    def wait(self):
        if self.cpu and self.driver.cuStreamSynchronize(None):
            raise RuntimeError("the kernel failed")


class Own:
    def __init__(self, library, plan, name, sets):
        self.library, self.l, self.e = library, library.l, library.e
        loaded = ctypes.c_void_p()
        self.check = library.check
        self.check(self.l.wpk_plan_load(library.context, plan.encode(),
                                        ctypes.byref(loaded),
                                        ctypes.byref(self.e)))
        self.op = ctypes.c_void_p(self.l.wpk_plan_find(loaded, name.encode()))
        self.lists = [dl_list(s) for s in sets]
        self.n = len(sets[0])
        needs = Needs(size=ctypes.sizeof(Needs))
        self.check(self.l.wpk_plan_needs(self.op, self.lists[0], self.n,
                                         ctypes.byref(needs),
                                         ctypes.byref(self.e)))
        self.workspace = library.room(needs.workspace)
        self.prepared = [library.room(needs.prepared) for _ in sets]
        self.memory = [Memory(self.workspace.data_ptr(), needs.workspace,
                              p.data_ptr(), needs.prepared)
                       for p in self.prepared]
        for i in range(len(sets) if needs.prepared else 0):
            self.call(self.l.wpk_plan_prepare, i)

    def call(self, function, i):
        stream = ctypes.c_void_p(self.library.stream())
        self.check(function(self.op, self.lists[i], self.n,
                            ctypes.byref(self.memory[i]), stream,
                            ctypes.byref(self.e)))
        self.library.wait()

    def __call__(self, i):
        self.call(self.l.wpk_plan_run, i)


# ---- what PyTorch makes of the rows ----

def conv(f, v):
    n = {"conv1d": 1, "conv3d": 3}.get(f, 2)
    function = getattr(F, "conv_transpose2d" if f == "transposed"
                       else "conv%dd" % n)
    stride, pad = int(v.get("stride", 1)), int(v.get("pad", 0))
    if f == "transposed":
        return lambda x, w: function(x, w, stride=stride, padding=pad)
    return lambda x, w: function(x, w, stride=stride, padding=pad,
                                 dilation=int(v.get("dil", 1)),
                                 groups=x.shape[1] // w.shape[1])


def conv_bn_relu(v):
    bare = conv("conv2d", v)

    def f(x, w, *more):
        y = bare(x, w)
        if len(more) == 2:      # scale and shift
            k, b = more
            return torch.relu(y * k.view(1, -1, 1, 1) + b.view(1, -1, 1, 1))
        mean, var, gamma, beta = more
        return torch.relu(F.batch_norm(y, mean, var, gamma, beta, False))
    return f


def layernorm(x, w, b):
    return F.layer_norm(x, x.shape[-1:], w, b, 1e-5)


def rmsnorm(x, w):
    return F.rms_norm(x, x.shape[-1:], w, 1e-6)


FUNCTIONS = {
    "gemm": lambda a, b: torch.matmul(a, b.transpose(-1, -2)),
    "softmax": lambda x: torch.softmax(x, -1),
    "rmsnorm": rmsnorm,
    "layernorm": layernorm,
    "norm2": lambda x: torch.linalg.vector_norm(x, dim=-1),
    "sum": torch.sum,
    "transpose": lambda x: x.t().contiguous(),
    "nchw_to_nhwc": lambda x: x.contiguous(
        memory_format=torch.channels_last),
    "bias_gelu": lambda x, b: F.gelu(x + b),
    "add_relu": lambda x, r: torch.relu(x + r),
    "attention": F.scaled_dot_product_attention,
}
CONVOLUTIONS = ("conv2d", "depthwise", "grouped", "dilated", "transposed",
                "conv1d", "conv3d")


def function_of(op, v):
    if op in CONVOLUTIONS:
        return conv(op, v)
    return conv_bn_relu(v) if op == "conv_bn_relu" else FUNCTIONS.get(op)


class Torch:
    """Outputs stay until their set's next turn, so that they, too, go round."""

    def __init__(self, f, sets, n_inputs):
        self.f, self.n = f, n_inputs
        self.sets, self.outputs = sets, [None] * len(sets)

    def __call__(self, i):
        self.outputs[i] = self.f(*self.sets[i][:self.n])


def compiled(f, backends):
    import torch._dynamo as dynamo
    import torch._inductor.config as c
    dynamo.reset()
    c.max_autotune_gemm_backends = backends
    c.max_autotune_conv_backends = backends
    return torch.compile(f, mode="max-autotune-no-cudagraphs", dynamic=False)


# ---- clocks ----

class Clocks:
    """The SM clock in MHz, 0 where nothing tells it."""

    def __init__(self):
        self.l, self.device = None, ctypes.c_void_p()
        try:
            self.l = ctypes.CDLL("libnvidia-ml.so.1")
            self.l.nvmlInit_v2()
            p = torch.cuda.get_device_properties(0)
            bus = "%08x:%02x:%02x.0" % (getattr(p, "pci_domain_id", 0),
                                        p.pci_bus_id, p.pci_device_id)
            if self.l.nvmlDeviceGetHandleByPciBusId_v2(
                    bus.encode(), ctypes.byref(self.device)):
                self.l = None
        except (OSError, AttributeError, RuntimeError, AssertionError):
            self.l = None

    def read(self):
        mhz = ctypes.c_uint()
        if not self.l or self.l.nvmlDeviceGetClockInfo(self.device, 1,
                                                       ctypes.byref(mhz)):
            return 0
        return mhz.value


# ---- time ----

class Graph:
    """Launches of one contender over the first "sets" sets."""

    def __init__(self, f, sets, cpu):
        self.f, self.sets, self.cpu, self.graph = f, sets, cpu, None
        for i in range(3):
            f(i % sets)
        one = self.run(3)
        n = 1 if cpu else math.ceil(REPLAY_S / max(one, 1e-7))
        self.n = math.ceil(min(n, 20000) / sets) * sets
        if not cpu:
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph):
                self.launch(self.n)
        self.replay(1)

    def launch(self, n):
        for i in range(n):
            self.f(i % self.sets)

    def run(self, n):
        return clocked(lambda: self.launch(n), self.cpu) / n

    def replay(self, n):
        go = self.graph.replay if self.graph else lambda: self.launch(self.n)
        return clocked(lambda: [go() for _ in range(n)], self.cpu) / n / self.n


def clocked(f, cpu):
    if cpu:
        start = time.perf_counter()
        f()
        return time.perf_counter() - start
    a, b = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    a.record()
    f()
    b.record()
    b.synchronize()
    return a.elapsed_time(b) * 1e-3


def quantile(v, part):
    v, at = sorted(v), part * (len(v) - 1)
    i = int(at)
    return v[i] + (at - i) * (v[i + 1] - v[i]) if i + 1 < len(v) else v[-1]


def steady(clocks, n):
    """Blocks in which every contender's clock was near its usual one."""
    use = [True] * n
    for v in clocks.values():
        known = [c for c in v if c]
        usual = quantile(known, 0.5) if known else 0
        for i, c in enumerate(v):
            use[i] &= not c or abs(c - usual) <= OFF * usual
    return use


def race(graphs, blocks, warm_s, block_s, clocks):
    """Seconds a launch, by contender and block, and which blocks count."""
    replays, times, mhz = {}, {}, {}
    for name, g in graphs.items():
        one = g.replay(1) * g.n
        replays[name] = max(1, math.ceil(block_s / max(one, 1e-6)))
        times[name], mhz[name] = [], []
    end = time.perf_counter() + warm_s
    while time.perf_counter() < end:
        for name, g in graphs.items():
            g.replay(replays[name])
    use, n = [], 0
    while sum(use) < blocks and n < 2 * blocks:
        for name, g in graphs.items():
            before = clocks.read()
            times[name].append(g.replay(replays[name]))
            mhz[name].append((before + clocks.read()) / 2)
        n += 1
        use = steady(mhz, n)
    return times, mhz, use


def kept(v, use):
    return [x for x, u in zip(v, use) if u] or v


def summary(name, first, times, mhz, use, graph):
    v = kept(times[name], use)
    o = {"s": quantile(v, 0.5), "s_q1": quantile(v, 0.25),
         "s_q3": quantile(v, 0.75), "blocks": sum(use),
         "rejected": len(use) - sum(use), "launches": graph.n,
         "sets": graph.sets,
         "clock_mhz_least": min(kept(mhz[name], use)) or None,
         "clock_mhz_most": max(kept(mhz[name], use)) or None}
    if first and name != first:
        r = [a / b for a, b in zip(v, kept(times[first], use))]
        o.update(ratio=quantile(r, 0.5), ratio_q1=quantile(r, 0.25),
                 ratio_q3=quantile(r, 0.75))
    return o


# ---- a row ----

def sets_for(tensors, cpu):
    size = sum(t.bytes() for t in tensors)
    if cpu:
        return 2
    p = torch.cuda.get_device_properties(0)
    cold = max(3 * getattr(p, "L2_cache_size", 0), COLD_BYTES)
    free = torch.cuda.mem_get_info()[0]
    return int(max(1, min(max(4, math.ceil(cold / size)), 4096,
                          0.4 * free // size)))


def contenders(a, library, name, tensors, sets, failed):
    """Callables by name, in the order of their turns."""
    v = dict(w.split("=", 1) for w in a.shape.split())
    f, n = function_of(a.op, v), sum(not t.output for t in tensors)
    wanted, out = a.contenders.split(","), {}
    makers = {
        "own": lambda: Own(library, a.plan, name, sets),
        "torch": lambda: Torch(f, sets, n),
        "torch-compiled": lambda: Torch(compiled(f, "ATEN,TRITON"), sets, n),
        "triton": lambda: Torch(compiled(f, "TRITON"), sets, n),
    }
    for key, make in makers.items():
        if key not in wanted:
            continue
        try:
            if key != "own" and not f:
                raise NotImplementedError("no such operator here")
            out[key] = make()
            out[key](0)
            if key not in ("own", "torch"):
                for i in range(len(sets)):
                    out[key](i)
        except Exception as e:  # whatever it is, the others go on
            failed[key] = ("%s: %s" % (type(e).__name__, e))[:300]
            out.pop(key, None)
    return out


def graphs_of(ways, sets, cpu, failed):
    out = {}
    for key, f in ways.items():
        try:
            out[key] = Graph(f, sets, cpu)
        except Exception as e:
            failed[key] = ("%s: %s" % (type(e).__name__, e))[:300]
    return out


def agreement(ways, sets):
    """How far the plan's output is from PyTorch's, over the largest value."""
    if "own" not in ways or "torch" not in ways:
        return None
    ours = sets[0][-1].double()
    theirs = ways["torch"].outputs[0].double().reshape(ours.shape)
    far = ((ours - theirs).abs().max() / theirs.abs().max()).item()
    return far if math.isfinite(far) else "not finite"


def versions(cpu):
    o = {"torch": torch.__version__, "cuda": torch.version.cuda,
         "cudnn": torch.backends.cudnn.version(),
         "device": "cpu" if cpu else torch.cuda.get_device_name(0)}
    try:
        import triton
        o["triton"] = triton.__version__
    except ImportError:
        o["triton"] = None
    return o


def measure(a):
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.benchmark_limit = 0
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.manual_seed(1)
    if not a.cpu:
        torch.cuda.init()
    name, tensors = read_plan(a.plan)
    library = Library(a.library, a.cpu)
    sets = [[t.make(library.room) for t in tensors]
            for _ in range(sets_for(tensors, a.cpu))]
    much, failed, modes = a.flops >= MUCH_ARITHMETIC, {}, {}
    warm, block = (0, 0) if a.cpu else (3, 1) if much else (0.2, REPLAY_S)
    clocks = Clocks()
    with torch.no_grad():
        ways = contenders(a, library, name, tensors, sets, failed)
        far = agreement(ways, sets)
        for mode, n in (("cold", len(sets)), ("hot", 1)):
            graphs = graphs_of(ways, n, a.cpu, failed)
            times, mhz, use = race(graphs, a.blocks, warm, block, clocks)
            first = "own" if "own" in graphs else None
            modes[mode] = {k: summary(k, first, times, mhz, use, g)
                           for k, g in graphs.items()}
    for key in a.contenders.split(","):
        o = {"contender": key, "peers": versions(a.cpu), "far": far}
        if key in failed:
            o["failed"] = failed[key]
        else:
            o.update({m: r[key] for m, r in modes.items() if key in r})
        print(json.dumps(o), flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--plan", required=True)
    p.add_argument("--op", required=True)
    p.add_argument("--shape", required=True)
    p.add_argument("--library", default="libwpk.so.0")
    p.add_argument("--contenders",
                   default="own,torch,torch-compiled,triton")
    p.add_argument("--blocks", type=int, default=BLOCKS)
    p.add_argument("--flops", type=float, default=0)
    p.add_argument("--cpu", action="store_true")
    a = p.parse_args()
    if not a.cpu and not torch.cuda.is_available():
        sys.exit("peers.py: torch finds no GPU")
    measure(a)


if __name__ == "__main__":
    main()
