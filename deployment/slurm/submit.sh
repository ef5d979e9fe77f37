#!/bin/bash
# Plans on this machine, which has the network and sees the shared file system, and submits the array and what ends it.
#
# usage: PLAN=/lustre/me/out.zarr.zagg/work ./submit.sh --plugin atl06 --catalog map.json --store /lustre/me/out.zarr
#
# All arguments are those of `zagg plan`. What the environment says:
#   PLAN     where the plan goes; a folder that all nodes see (required)
#   ARRAY    the job array, default 0-99%25 as workers.sbatch has it
#   ZAGG     the program, default zagg
#   SBATCH   more arguments for both jobs, such as "--partition=short --account=ice"

set -eu

: "${PLAN:?say where the plan goes: PLAN=/lustre/me/out.zarr.zagg/work}"
ZAGG=${ZAGG:-zagg}
here=$(cd "$(dirname "$0")" && pwd)
read -r -a more <<<"${SBATCH:-}"

"$ZAGG" plan "$@" --output "$PLAN"

array=()
if [ -n "${ARRAY:-}" ]; then
    array=(--array="$ARRAY")
fi
job=$(sbatch --parsable ${array[@]+"${array[@]}"} ${more[@]+"${more[@]}"} --export="ALL,PLAN=$PLAN,ZAGG=$ZAGG" "$here/workers.sbatch")
# --parsable prints the number, and on a federation the cluster behind a semicolon.
job=${job%%;*}
sbatch --dependency="afterany:$job" ${more[@]+"${more[@]}"} --export="ALL,PLAN=$PLAN,ZAGG=$ZAGG" "$here/finalize.sbatch"
