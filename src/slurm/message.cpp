#include "slurm/message.hpp"

#include <limits>

#include "base/error_codes.hpp"
#include "text/base64.hpp"
#include "text/json.hpp"

namespace slurm {
namespace {

using text::Json;

constexpr std::string_view format = "trainwarden-slurm-2";

std::unexpected<base::Error> invalid(const std::string& what) {
    return base::fail(
        base::Error(base::code::InvalidMessage, what).note("the server and the nodes must run the same trainwarden program"));
}

Json strings(const std::vector<std::string>& list) {
    Json out = Json::array();
    for (const auto& one : list) out.push(one);
    return out;
}

base::Result<std::vector<std::string>> strings_of(const Json& json, const char* name) {
    if (!json[name].is_array()) return invalid(std::string("a task without ") + name);
    std::vector<std::string> out;
    for (const auto& one : json[name].items()) {
        if (!one.is_string()) return invalid(std::string(name) + " holds something else than text");
        out.push_back(one.as_string());
    }
    return out;
}

base::Result<std::string> text_of(const Json& json, const char* name) {
    if (!json[name].is_string()) return invalid(std::string("a message without ") + name);
    return json[name].as_string();
}

base::Result<std::string> fingerprint_in(std::string_view base64) {
    auto bytes = text::decode_base64(base64);
    if (!bytes || bytes->size() != net::fingerprint_bytes) return invalid("a fingerprint is none");
    return *bytes;
}

base::Result<std::string> fingerprint_of(const Json& json) {
    const std::string text = TRY(text_of(json, "Fingerprint"));
    return fingerprint_in(text);
}

base::Result<uint64_t> number_of(const Json& json, const char* name, uint64_t most) {
    const int64_t value = json[name].as_int(-1);
    if (value < 0 || static_cast<uint64_t>(value) > most) return invalid(std::string(name) + " is out of range");
    return static_cast<uint64_t>(value);
}

base::Result<uint16_t> port_of(const Json& json, const char* name) {
    return static_cast<uint16_t>(TRY(number_of(json, name, std::numeric_limits<uint16_t>::max())));
}

base::Result<Json> parse(std::string_view line) {
    auto json = text::parse_json(line);
    if (!json || !json->is_object() || (*json)["Format"].as_string() != format)
        return invalid("`" + std::string(line.substr(0, 200)) + "` is not a message of an agent or its server");
    return json;
}

base::Result<Task::Server> server_of(const Json& json) {
    Task::Server server;
    server.address = TRY(text_of(json, "Address"));
    server.port = TRY(port_of(json, "Port"));
    return server;
}

}  // namespace

std::string to_line(const Hello& hello) {
    return Json::object({{"Format", format},
                         {"Node", hello.node},
                         {"Boot", hello.boot},
                         {"Address", hello.address},
                         {"Port", int64_t{hello.port}},
                         {"Mtu", int64_t{hello.mtu}},
                         {"Fingerprint", text::encode_base64(hello.fingerprint)},
                         {"Problem", hello.problem}})
               .dump() +
           "\n";
}

std::string to_line(const Ready& ready) {
    return Json::object(
               {{"Format", format}, {"Gateway", int64_t{ready.gateway}}, {"Fingerprint", text::encode_base64(ready.fingerprint)}})
               .dump() +
           "\n";
}

std::string to_line(const Started& started) {
    return Json::object({{"Format", format}, {"Problem", started.problem}}).dump() + "\n";
}

base::Result<Hello> parse_hello(std::string_view line) {
    const Json json = TRY(parse(line));
    Hello hello;
    hello.node = TRY(text_of(json, "Node"));
    hello.boot = TRY(text_of(json, "Boot"));
    hello.address = TRY(text_of(json, "Address"));
    hello.port = TRY(port_of(json, "Port"));
    hello.mtu = static_cast<uint32_t>(TRY(number_of(json, "Mtu", 1 << 20)));
    hello.fingerprint = TRY(fingerprint_of(json));
    hello.problem = TRY(text_of(json, "Problem"));
    return hello;
}

base::Result<Ready> parse_ready(std::string_view line) {
    const Json json = TRY(parse(line));
    Ready ready;
    ready.gateway = TRY(port_of(json, "Gateway"));
    ready.fingerprint = TRY(fingerprint_of(json));
    return ready;
}

base::Result<Started> parse_started(std::string_view line) {
    const Json json = TRY(parse(line));
    return Started{TRY(text_of(json, "Problem"))};
}

std::string to_json(const Task& task) {
    Json environment = Json::array(), siblings = Json::array();
    for (const auto& [name, value] : task.environment) environment.push(Json::array({name, value}));
    for (const auto& [address, port, fingerprint] : task.siblings)
        siblings.push(Json::array({address, int64_t{port}, text::encode_base64(fingerprint)}));
    Json json = Json::object({{"Format", format},
                              {"Command", strings(task.command)},
                              {"Environment", environment},
                              {"Directory", task.directory},
                              {"Host", task.host},
                              {"Folder", task.folder},
                              {"Hosts", task.hosts},
                              {"Mounts", strings(task.mounts)},
                              {"ImageRoot", task.image_root},
                              {"Shared", strings(task.shared)},
                              {"Gpus", task.gpus},
                              {"Cpus", int64_t{task.cpus}},
                              {"Memory", task.memory_bytes},
                              {"Processes", task.processes_max},
                              {"Index", int64_t{task.index}},
                              {"Siblings", siblings},
                              {"Mtu", int64_t{task.mtu}}});
    if (task.server) {
        json.set("Server", Json::object({{"Address", task.server->address}, {"Port", int64_t{task.server->port}}}));
    }
    return json.dump();
}

base::Result<Task> parse_task(std::string_view text) {
    const Json json = TRY(parse(text));
    Task task;
    task.command = TRY(strings_of(json, "Command"));
    if (task.command.empty()) return invalid("a task without a command");
    for (const auto& variable : json["Environment"].items()) {
        if (variable.size() != 2 || !variable.items()[0].is_string() || !variable.items()[1].is_string())
            return invalid("a variable is a name and a value");
        task.environment.emplace_back(variable.items()[0].as_string(), variable.items()[1].as_string());
    }
    task.directory = TRY(text_of(json, "Directory"));
    task.host = TRY(text_of(json, "Host"));
    task.folder = TRY(text_of(json, "Folder"));
    task.hosts = TRY(text_of(json, "Hosts"));
    task.mounts = TRY(strings_of(json, "Mounts"));
    task.image_root = TRY(text_of(json, "ImageRoot"));
    task.shared = TRY(strings_of(json, "Shared"));
    task.gpus = json["Gpus"].as_bool();
    task.cpus = static_cast<unsigned>(TRY(number_of(json, "Cpus", 1 << 20)));
    task.memory_bytes = TRY(number_of(json, "Memory", std::numeric_limits<int64_t>::max()));
    task.processes_max = TRY(number_of(json, "Processes", std::numeric_limits<int64_t>::max()));
    task.index = TRY(port_of(json, "Index"));
    for (const auto& sibling : json["Siblings"].items()) {
        if (sibling.size() != 3 || !sibling.items()[0].is_string() || !sibling.items()[2].is_string())
            return invalid("a sibling is an address, a port and a fingerprint");
        const int64_t port = sibling.items()[1].as_int(-1);
        if (port < 0 || port > std::numeric_limits<uint16_t>::max()) return invalid("a sibling's port is none");
        task.siblings.push_back(
            {sibling.items()[0].as_string(), static_cast<uint16_t>(port), TRY(fingerprint_in(sibling.items()[2].as_string()))});
    }
    if (task.index >= task.siblings.size()) return invalid("the worker is not among its siblings");
    task.mtu = static_cast<uint32_t>(TRY(number_of(json, "Mtu", 1 << 20)));
    if (const Json* server = json.find("Server")) task.server = TRY(server_of(*server));
    return task;
}

}  // namespace slurm
