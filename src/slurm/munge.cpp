#include "slurm/munge.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "crypto/digest.hpp"
#include "os/file.hpp"
#include "os/process.hpp"

namespace slurm {
namespace {

using std::chrono_literals::operator""s;

constexpr auto patience = 10s;
constexpr size_t output_bytes_max = 64 << 10;
constexpr std::string_view none = "none", prefix = "munge:";

base::Result<std::string> run(std::vector<std::string> command, os::Stdio input, const char* failed) {
    const std::string program = command.front();
    auto done = os::run({.arguments = std::move(command), .input = std::move(input), .error_to_output = true}, patience,
                        output_bytes_max);
    if (!done) return base::fail(base::Error(base::code::SlurmUnavailable, program + " cannot be run: " + done.error().message));
    if (!done->status.success())
        return base::fail(
            base::Error(failed, program + " failed: " + std::string(base::trim(done->output)))
                .note("see whether `munge -n | unmunge` works for this user, on the server's machine and on the nodes"));
    return std::move(done->output);
}

// `Name = value` of scontrol's lines.
std::string_view setting(std::string_view text, std::string_view name) {
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        const size_t equals = line.find('=');
        if (equals != std::string_view::npos && base::trim(line.substr(0, equals)) == name)
            return base::trim(line.substr(equals + 1));
    }
    return {};
}

}  // namespace

base::Result<std::string> Munge::encode(std::string_view purpose, std::string_view text) const {
    std::vector<std::string> command = {"munge", "--string=" + std::string(purpose) + "\n" + std::string(text),
                                        "--restrict-uid=" + std::to_string(::geteuid())};
    if (!socket_.empty()) command.push_back("--socket=" + socket_);
    const std::string made = TRY(run(std::move(command), os::Stdio::nothing(), base::code::SlurmUnavailable));
    return std::string(base::trim(made)) + "\n";
}

base::Result<std::string> Munge::decode(std::string_view purpose, std::string_view credential) const {
    const auto refused = [](const std::string& why) { return base::fail(base::code::InvalidMessage, why); };
    const os::Descriptor file(::memfd_create("credential", MFD_CLOEXEC));
    if (!file.is_open() || !os::write_all(file.number(), credential, "a credential") || ::lseek(file.number(), 0, SEEK_SET) != 0)
        return base::fail(base::code::SlurmUnavailable, std::string("no room for a credential: ") + std::strerror(errno));
    std::vector<std::string> command = {"unmunge", "--numeric", "--keys=UID"};
    if (!socket_.empty()) command.push_back("--socket=" + socket_);
    const std::string said = TRY(run(std::move(command), os::Stdio::descriptor(file.number()), base::code::InvalidMessage));
    // `UID:   0`, an empty line, what was encoded.
    const size_t end = said.find("\n\n");
    if (end == std::string::npos || !said.starts_with("UID:")) return refused("unmunge says something else than it should");
    const std::string_view user = base::trim(std::string_view(said).substr(4, end - 4));
    if (user != std::to_string(::geteuid()))
        return refused("it was said by user " + std::string(user) + ", and not by " + std::to_string(::geteuid()));
    std::string_view text = std::string_view(said).substr(end + 2);
    if (!text.starts_with(purpose) || !text.substr(purpose.size()).starts_with('\n'))
        return refused("it was said for something else");
    text.remove_prefix(purpose.size() + 1);
    return std::string(text);
}

std::optional<Munge> read_configuration(std::string_view scontrol_says) {
    if (setting(scontrol_says, "AuthType") != "auth/munge") return std::nullopt;
    for (const auto& option : base::split(setting(scontrol_says, "AuthInfo"), ','))
        if (option.starts_with("socket=")) return Munge(std::string(option.substr(std::strlen("socket="))));
    return Munge("");
}

std::string to_argument(const std::optional<Munge>& munge) {
    return munge ? std::string(prefix) + munge->socket() : std::string(none);
}

base::Result<std::optional<Munge>> parse_argument(std::string_view argument) {
    if (argument == none) return std::optional<Munge>();
    if (argument.starts_with(prefix)) return std::optional<Munge>(std::string(argument.substr(prefix.size())));
    return base::fail(base::code::InvalidMessage, "`" + std::string(argument) + "` is neither `munge:SOCKET` nor `none`");
}

std::string purpose_of_hello(std::string_view run) { return "trainwarden agent " + std::string(run); }

std::string purpose_of_ready(std::string_view run, std::string_view agent_fingerprint) {
    return "trainwarden server " + std::string(run) + " " + crypto::hex(agent_fingerprint);
}

}  // namespace slurm
