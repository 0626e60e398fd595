// Where things are when the user does not say.
#pragma once

#include <string>

#include "base/result.hpp"

namespace cli {

// $TRAINWARDEN_DATA, else $XDG_DATA_HOME/trainwarden, else ~/.local/share/trainwarden.
[[nodiscard]] std::string default_data_folder();

// From here on this process talks to the server of a data folder over the folder's socket, where it answers whatever happens at its port: as the
// root, if the folder has its keys, else as the shell's credentials. Error `NoServer`.
[[nodiscard]] base::Result<void> act_as_operator(const std::string& data);

}  // namespace cli
