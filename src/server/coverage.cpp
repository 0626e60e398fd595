#include "server/coverage.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "base/error_codes.hpp"
#include "cli/terminal.hpp"
#include "server/server.hpp"
#include "text/json.hpp"

namespace server {
namespace {

// A registry is filled by rooms, and rooms want a folder: one that is gone afterwards.
struct Scratch {
    std::string path;
    Scratch() {
        std::string name = (std::filesystem::temp_directory_path() / "trainwarden-coverage-XXXXXX").string();
        if (::mkdtemp(name.data()) != nullptr) path = name;
    }
    ~Scratch() {
        std::error_code error;
        if (!path.empty()) std::filesystem::remove_all(path, error);
    }
};

base::Result<int> coverage(bool json) {
    const Scratch scratch;
    if (scratch.path.empty()) return base::fail(base::code::DataFolderUnusable, "cannot make a temporary folder");
    auto server = TRY(Server::open(scratch.path + "/data", scratch.path + "/master.key", {"us-east-1"},
                                   {.instances = training::InstanceTypes::of(training::this_machine()), .isolation = "process"},
                                   {}, {}, {.bytes_per_second = 0, .between_seconds = 1}));
    std::map<std::string, std::vector<std::string>> operations;
    for (const gate::Operation* operation : server->registry.all()) operations[operation->service].push_back(operation->name);
    text::Json out = text::Json::object();
    for (const auto& [service, names] : operations) {
        text::Json list = text::Json::array();
        for (const std::string& name : names) {
            list.push(name);
            if (!json) cli::print(cli::Text(service) + ":" + name + "\n");
        }
        out.set(service, std::move(list));
    }
    if (json) cli::print_pretty_json(out);
    return 0;
}

}  // namespace

void add_coverage(cli::Command& root) {
    auto json = std::make_shared<bool>(false);
    cli::Command command = root.subcommand("coverage", "List the API operations that this server implements");
    command.flag("--json", *json, "print JSON");
    command.action([json] { return coverage(*json); });
}

}  // namespace server
