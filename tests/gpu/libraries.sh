# SPDX-License-Identifier: MIT
# Where CUDA's libraries lie that the loader may not know of, for scripts to read:
# those of Python's packages, the toolkit's, the driver's. PyTorch brings a cuDNN, a
# cuBLASLt and an NVRTC of its own, and these are ours then too.
# shellcheck shell=sh

cuda_folders() {
	"${PYTHON:-python3}" -c '
import glob, sys
for path in sys.path:
    print(*sorted(glob.glob(path + "/nvidia/*/lib")), sep="\n")' 2>/dev/null
	echo "${CUDA_HOME:-/usr/local/cuda}/lib64"
	echo /usr/local/nvidia/lib64
}
while IFS= read -r folder; do
	case :${LD_LIBRARY_PATH:-}: in
	*":$folder:"*) continue ;;
	esac
	[ ! -d "$folder" ] ||
		LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$folder
done <<END
$(cuda_folders)
END
export LD_LIBRARY_PATH
