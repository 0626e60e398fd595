// Compiled twice by check.cmake: with WITH_PERMIT it must compile, without it must not.
// A service cannot call a handler on its own: the Permit that every handler takes comes from the Gate alone.
#include "gate/gate.hpp"

base::Result<http::Response> call_handler(gate::Run& run, wire::Call& call
#ifdef WITH_PERMIT
                                          ,
                                          const gate::Permit& permit
#endif
) {
#ifndef WITH_PERMIT
    extern identity::Directory& directory;
    const gate::Permit permit(identity::PreparedPtr(), directory, call, base::Time{}, {});
#endif
    return run.handle(permit, call);
}
