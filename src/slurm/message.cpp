#include "slurm/message.hpp"

#include <limits>

#include "base/error_codes.hpp"
#include "crypto/aead.hpp"
#include "text/base64.hpp"
#include "text/json.hpp"

namespace slurm {
namespace {

using text::Json;

constexpr std::string_view format = "trainwarden-slurm-1";

std::unexpected<base::Error> invalid(const std::string& what) {
    return base::fail(
        base::Error(base::code::InvalidMessage, what).note("the server and the nodes must run the same trainwarden program"));
}

// A random nonce would do as well: the key seals this one text.
const std::string only_nonce(crypto::Aead::nonce_bytes, '\0');

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

base::Result<std::string> bytes_of(const Json& json, const char* name) {
    auto bytes = text::decode_base64(TRY(text_of(json, name)));
    if (!bytes) return invalid(std::string(name) + " is not base64");
    return *bytes;
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
    server.gateway = TRY(port_of(json, "Gateway"));
    server.id = TRY(bytes_of(json, "Id"));
    server.key = TRY(bytes_of(json, "Key"));
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
                         {"PublicKey", text::encode_base64(hello.public_key)},
                         {"Problem", hello.problem}})
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
    hello.public_key = TRY(bytes_of(json, "PublicKey"));
    hello.problem = TRY(text_of(json, "Problem"));
    return hello;
}

base::Result<Started> parse_started(std::string_view line) {
    const Json json = TRY(parse(line));
    return Started{TRY(text_of(json, "Problem"))};
}

std::string to_json(const Task& task) {
    Json environment = Json::array(), siblings = Json::array();
    for (const auto& [name, value] : task.environment) environment.push(Json::array({name, value}));
    for (const auto& [address, port] : task.siblings) siblings.push(Json::array({address, int64_t{port}}));
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
                              {"OverlayKey", text::encode_base64(task.overlay_key)},
                              {"Mtu", int64_t{task.mtu}}});
    if (task.server) {
        json.set("Server", Json::object({{"Address", task.server->address},
                                         {"Port", int64_t{task.server->port}},
                                         {"Gateway", int64_t{task.server->gateway}},
                                         {"Id", text::encode_base64(task.server->id)},
                                         {"Key", text::encode_base64(task.server->key)}}));
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
        if (sibling.size() != 2 || !sibling.items()[0].is_string()) return invalid("a sibling is an address and a port");
        const int64_t port = sibling.items()[1].as_int(-1);
        if (port < 0 || port > std::numeric_limits<uint16_t>::max()) return invalid("a sibling's port is none");
        task.siblings.emplace_back(sibling.items()[0].as_string(), static_cast<uint16_t>(port));
    }
    if (task.index >= task.siblings.size()) return invalid("the worker is not among its siblings");
    task.overlay_key = TRY(bytes_of(json, "OverlayKey"));
    if (task.overlay_key.size() != crypto::Aead::key_bytes) return invalid("the key of the siblings has another length");
    task.mtu = static_cast<uint32_t>(TRY(number_of(json, "Mtu", 1 << 20)));
    if (const Json* server = json.find("Server")) task.server = TRY(server_of(*server));
    return task;
}

std::string seal_task(const Task& task, std::string_view key, std::string_view own_public_key) {
    std::string sealed;
    crypto::Aead(key).seal(only_nonce, format, to_json(task), sealed);
    return Json::object(
               {{"Format", format}, {"PublicKey", text::encode_base64(own_public_key)}, {"Task", text::encode_base64(sealed)}})
               .dump() +
           "\n";
}

base::Result<SealedTask> parse_sealed_task(std::string_view line) {
    const Json json = TRY(parse(line));
    return SealedTask{TRY(bytes_of(json, "PublicKey")), TRY(bytes_of(json, "Task"))};
}

base::Result<Task> open_task(const SealedTask& sealed, std::string_view key) {
    std::string json;
    if (!crypto::Aead(key).open(only_nonce, format, sealed.sealed, json)) return invalid("the task was changed on its way");
    return parse_task(json);
}

}  // namespace slurm
