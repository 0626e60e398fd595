#include "training/failure_text.hpp"

#include <optional>
#include <utility>

#include "base/strings.hpp"

namespace training {
namespace {

constexpr size_t text_bytes_max = 4096;     // of one line, of one exception's message
constexpr size_t streams_max = 1024;        // that are told apart
constexpr size_t launcher_bytes_max = 512;  // of what a launcher says by itself

constexpr std::string_view digits = "0123456789";

// mpirun --tag-output: `[JOB,RANK]<stderr>:` before every piece that a process writes, several of which may be on one line.
struct Tag {
    size_t begin = 0, end = 0;
    std::string stream;  // `RANK<stderr>`
};

std::optional<Tag> next_tag(std::string_view text, size_t from) {
    for (size_t at = text.find('[', from); at != std::string_view::npos; at = text.find('[', at + 1)) {
        const size_t comma = text.find_first_not_of(digits, at + 1);
        if (comma == std::string_view::npos || comma == at + 1 || text[comma] != ',') continue;
        const size_t close = text.find_first_not_of(digits, comma + 1);
        if (close == std::string_view::npos || close == comma + 1) continue;
        for (std::string_view stream : {"]<stderr>:", "]<stdout>:", "]<stddiag>:"}) {
            if (!text.substr(close).starts_with(stream)) continue;
            const std::string rank(text.substr(comma + 1, close - comma - 1));
            return Tag{at, close + stream.size(), rank + std::string(stream.substr(1, stream.size() - 2))};
        }
    }
    return std::nullopt;
}

// What torchrun writes when a process of it has failed, and then its own traceback.
bool is_torchruns(std::string_view text) {
    return text.find("torch.distributed.elastic") != std::string_view::npos ||
           text.find("torch.distributed.run") != std::string_view::npos ||
           text.find("ChildFailedError") != std::string_view::npos;
}

bool chains(std::string_view text) {
    return text == "The above exception was the direct cause of the following exception:" ||
           text == "During handling of the above exception, another exception occurred:";
}

// What is between two words of a line; empty if they are not there.
std::string between(std::string_view text, std::string_view before, std::string_view after) {
    const size_t begin = text.find(before);
    if (begin == std::string_view::npos) return "";
    text.remove_prefix(begin + before.size());
    return std::string(base::trim(text.substr(0, after.empty() ? text.size() : text.find(after))));
}

void append(std::string& to, std::string_view text, size_t most) {
    if (to.size() < most) to += text.substr(0, most - to.size());
}

}  // namespace

FailureText::Stream& FailureText::stream_of(const std::string& name) {
    if (const auto found = streams_.find(name); found != streams_.end()) return found->second;
    return streams_[streams_.size() < streams_max ? name : ""];
}

void FailureText::line(std::string_view text) {
    if (launcher_ == Launcher::mpi) return tagged(text);
    if (launcher_ == Launcher::torchrun && is_torchruns(text)) launcher_speaks_ = true;
    if (launcher_speaks_) return launchers(text);
    whole_line(stream_of(""), text);
}

// Pieces of several processes may share a line; the last of them ends with it.
void FailureText::tagged(std::string_view text) {
    auto tag = next_tag(text, 0);
    if (!tag || tag->begin != 0) return launchers(text);
    while (tag) {
        const auto next = next_tag(text, tag->end);
        Stream& stream = stream_of(tag->stream);
        append(stream.begun, text.substr(tag->end, next ? next->begin - tag->end : std::string_view::npos), text_bytes_max);
        if (!next) {
            const std::string whole = std::exchange(stream.begun, {});
            whole_line(stream, whole);
        }
        tag = next;
    }
}

void FailureText::whole_line(Stream& stream, std::string_view text) {
    text = text.substr(0, text_bytes_max);
    if (text.ends_with('\r')) text.remove_suffix(1);
    if (stream.in_message && chains(text)) {
        stream.in_message = false;
        stream.chained = true;
    }
    if (text.starts_with("Traceback (most recent call last):")) {
        // What processes write that share a stream is mixed: the first to fail makes the others fail.
        const bool counts = launcher_ != Launcher::torchrun || stream.exception.empty() || stream.chained;
        stream.in_message = stream.chained = false;
        stream.in_traceback = counts;
    } else if (stream.in_traceback && !text.empty() && !text.starts_with(' ')) {
        stream.in_traceback = false;
        stream.in_message = true;
        stream.exception = text;
        if (first_raised_.empty()) {
            for (const auto& [name, one] : streams_) {
                if (&one == &stream) first_raised_ = name;
            }
        }
    } else if (stream.in_message) {
        append(stream.exception, "\n" + std::string(text), text_bytes_max);
    }
    if (!base::trim(text).empty()) last_ = stream.last = text;
}

void FailureText::launchers(std::string_view text) {
    text = base::trim(text).substr(0, text_bytes_max);
    // mpirun: `Process name: [[JOBS,JOB],RANK]`, `Exit code: N`; or `… process rank N … exited on signal N (NAME).`
    if (const auto name = between(text, "Process name: [[", ""); !name.empty() && failed_rank_.empty())
        failed_rank_ = between(name, "],", "]");
    if (const auto code = between(text, "Exit code:", ""); !code.empty() && exit_code_.empty()) exit_code_ = code;
    if (const auto number = between(text, "exited on signal ", "."); !number.empty() && signal_.empty()) {
        signal_ = number;
        failed_rank_ = between(text, "process rank ", " ");
    }
    // torchrun, of the first that failed: `rank : N (local_rank: N)`, `traceback : Signal N (NAME) received by PID N`.
    if (launcher_ == Launcher::torchrun && text.starts_with("rank ")) failed_rank_ = between(text, ":", "(");
    if (const auto number = between(text, ": Signal ", " received by PID"); !number.empty() && text.starts_with("traceback"))
        signal_ = number;
    if (text.find_first_not_of("-=*") == std::string_view::npos) return;
    append(launcher_text_, (launcher_text_.empty() ? "" : " ") + std::string(text), launcher_bytes_max);
}

std::string FailureText::of_failed_rank() const {
    if (!signal_.empty()) return "rank " + failed_rank_ + " was ended by signal " + signal_;
    if (failed_rank_.empty()) return "";
    const auto errors = streams_.find(failed_rank_ + "<stderr>");
    if (errors != streams_.end() && !errors->second.exception.empty()) return errors->second.exception;
    if (errors != streams_.end() && !errors->second.last.empty()) return errors->second.last;
    const auto output = streams_.find(failed_rank_ + "<stdout>");
    return output != streams_.end() ? output->second.last : "";
}

std::string FailureText::best() const {
    // Alone, a script may catch what it prints.
    if (launcher_ == Launcher::script) return last_;
    std::string text = of_failed_rank();
    if (const auto raised = streams_.find(first_raised_); text.empty() && raised != streams_.end())
        text = raised->second.exception;
    if (text.empty()) text = last_;
    if (text.empty() && !exit_code_.empty()) text = "rank " + failed_rank_ + " exited with " + exit_code_ + " and wrote nothing";
    if (text.empty() && launcher_ == Launcher::mpi) text = launcher_text_;
    return std::string(base::trim(text));
}

}  // namespace training
