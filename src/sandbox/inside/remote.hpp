// Starting processes on a sibling, as mpirun does with ssh. Only for a job that asks for MPI, and only its own workers can reach
// this: the port is open on the job's network, which has no other members.
//
//     inside serve                      on every host but the first: starts what siblings ask for, until it is told that all is
//     done inside rsh HOST COMMAND…          runs `sh -c "COMMAND…"` there, ends with its status: mpirun's plm_rsh_agent inside
//     lead HOST… -- COMMAND…     on the first host: runs COMMAND, then tells the others that all is done; ends with its status
//
// Over TCP, port 7778. A request: 'R', length (4 bytes, big-endian), command → when it ends: its status, one byte; a connection
// that closes before ends what it started. Or 'D': done. Output goes where the sibling's own output goes; there is no input.
#pragma once

namespace sandbox {

constexpr int remote_port = 7778;

// The exit status; `words` are main's.
[[nodiscard]] int serve_siblings();
[[nodiscard]] int run_on_sibling(int count, char** words);
[[nodiscard]] int lead_siblings(int count, char** words);

}  // namespace sandbox
