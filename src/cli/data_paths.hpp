// Where things are when the user does not say.
#pragma once

#include <string>

namespace cli {

// $TRAINWARDEN_DATA, else $XDG_DATA_HOME/trainwarden, else ~/.local/share/trainwarden.
[[nodiscard]] std::string default_data_folder();

}  // namespace cli
