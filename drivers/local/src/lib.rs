//! Local executor: tasks on this machine's cores.
