// The caller that a new session of a role would be, before there is one: for what is asked in advance.
#pragma once

#include "base/result.hpp"
#include "identity/caller.hpp"
#include "identity/directory.hpp"

namespace identity {

// As Directory::assume_role would make it of this request, and Directory::authenticate would find it; without credentials, and issued when
// it is decided on. REQUIRES: neither session policies nor role chaining. Error `NoSuchEntity`.
[[nodiscard]] base::Result<Caller> supposed_session(const Directory& directory, const AssumeRole& request);

}  // namespace identity
