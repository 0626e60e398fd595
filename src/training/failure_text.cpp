#include "training/failure_text.hpp"

#include "base/strings.hpp"

namespace training {
namespace {

constexpr size_t text_bytes_max = 4096;

// mpirun --tag-output: `[1,0]<stderr>:text`. False: it is a line of mpirun's own.
bool strip_tag(std::string_view& text) {
    if (!text.starts_with('[')) return false;
    for (std::string_view stream : {"]<stderr>:", "]<stdout>:", "]<stddiag>:"}) {
        const size_t at = text.find(stream);
        if (at == std::string_view::npos || text.substr(1, at - 1).find_first_not_of("0123456789,") != std::string_view::npos)
            continue;
        text.remove_prefix(at + stream.size());
        return true;
    }
    return false;
}

// What torchrun writes when a process of it has failed, and then its own traceback.
bool is_torchruns(std::string_view text) {
    return text.find("torch.distributed.elastic") != std::string_view::npos ||
           text.find("torch.distributed.run") != std::string_view::npos || text.find("ChildFailedError") != std::string_view::npos;
}

}  // namespace

void FailureText::line(std::string_view text) {
    if (launcher_ == Launcher::mpi && !strip_tag(text)) return;
    if (launcher_ == Launcher::torchrun && is_torchruns(text)) launcher_speaks_ = true;
    if (launcher_speaks_ || base::trim(text).empty()) return;
    text = text.substr(0, text_bytes_max);
    last_ = text;
    if (!exception_.empty()) return;
    if (text.starts_with("Traceback (most recent call last):")) {
        in_traceback_ = true;
    } else if (in_traceback_ && !text.starts_with(' ')) {
        in_traceback_ = false;
        exception_ = text;
    }
}

const std::string& FailureText::best() const {
    // Alone, a script may catch what it prints; under a launcher the first process to fail makes the others fail.
    return launcher_ == Launcher::script || exception_.empty() ? last_ : exception_;
}

}  // namespace training
