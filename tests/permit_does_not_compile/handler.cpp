// Compiled twice by check.cmake: with WITH_PERMIT it must compile, without it must not.
// A service cannot call a handler on its own: the Permit that every handler takes comes from the Gate alone.
#include "gate/gate.hpp"

base::Result<http::Response> call_handler(gate::RequestExecution& run, wire::Call& call
#ifdef WITH_PERMIT
                                          ,
                                          const gate::Permit& permit
#else
                                          ,
                                          identity::Directory& directory
#endif
) {
#ifndef WITH_PERMIT
    const gate::Permit permit(nullptr, directory, call, base::Time{}, {});
#endif
    return run.handle(permit, call);
}
