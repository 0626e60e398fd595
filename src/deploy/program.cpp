// Python and Node: the command lines that Pulumi's language hosts run.
#include "deploy/program.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "deploy/process.hpp"
#include "deploy/yaml_program.hpp"
#include "os/file.hpp"
#include "text/json.hpp"

namespace deploy {

using text::Json;
namespace fs = std::filesystem;

namespace {

// What `pulumi-language-python-exec` does: configure the SDK, run the program as __main__ inside a stack, wait for its RPCs.
// Exit status: 0, 1 for a RunError (the message says all), 32 when a traceback was shown.
constexpr const char* python_launcher = R"python(
import argparse, asyncio, concurrent.futures, inspect, json, logging, os, runpy, sys, traceback
try:
    import pulumi, pulumi.runtime
except ImportError as error:
    sys.exit(f"{sys.executable} cannot import pulumi ({error}): install the program's requirements, "
             "or name its virtual environment in Pulumi.yaml (runtime: options: virtualenv:)")
parser = argparse.ArgumentParser()
for name in ("monitor", "engine", "project", "root_directory", "stack", "pwd", "dry_run", "parallel", "organization"):
    parser.add_argument("--" + name)
parser.add_argument("program")
given = parser.parse_args()
pulumi.runtime.set_all_config(json.loads(os.environ["PULUMI_CONFIG"]), json.loads(os.environ["PULUMI_CONFIG_SECRET_KEYS"]))
settings = {**vars(given), "parallel": int(given.parallel), "dry_run": given.dry_run == "true"}
known = inspect.signature(pulumi.runtime.Settings.__init__).parameters
pulumi.runtime.configure(pulumi.runtime.Settings(**{key: value for key, value in settings.items() if key in known}))
sys.argv = [given.program]
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
loop.set_default_executor(concurrent.futures.ThreadPoolExecutor(max_workers=4 * settings["parallel"]))
logging.getLogger("asyncio").setLevel(logging.CRITICAL)
def program():
    runpy.run_path(given.program, run_name="__main__")
status = 0
try:
    loop.run_until_complete(pulumi.runtime.run_in_stack(program))
except pulumi.RunError as error:
    print(error, file=sys.stderr)
    status = 1
except Exception as error:
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename.startswith(given.pwd) and "site-packages" not in frame.filename]
    print("".join(traceback.format_exception(type(error), error, error.__traceback__) if not own else
                  ["Traceback (most recent call last):\n", *traceback.format_list(own), *traceback.format_exception_only(type(error), error)]),
          file=sys.stderr)
    status = 32
sys.stdout.flush()
sys.stderr.flush()
os._exit(status)
)python";

// Node formats an uncaught error by walking the whole resource graph, which takes half a minute; its stack is what people want.
constexpr const char* node_shim = R"javascript(
const util = require("util");
const inspect = util.inspect;
const brief = (value, ...rest) => value instanceof Error ? String(value.stack || value) : inspect(value, ...rest);
for (const [key, property] of Object.entries(Object.getOwnPropertyDescriptors(inspect)))
    if (!["length", "name", "prototype", "arguments", "caller"].includes(key)) Object.defineProperty(brief, key, property);
util.inspect = brief;
)javascript";

std::string environment_value(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

base::Result<std::string> find_python(const Project& project, std::map<std::string, std::string>& environment) {
    const std::string& virtualenv = project.options["virtualenv"].text;
    if (!virtualenv.empty()) {
        const fs::path folder = (project.root / virtualenv).lexically_normal();
        const fs::path python = folder / "bin" / "python";
        if (!fs::exists(python)) {
            return base::fail(base::Error(base::code::NoInterpreter,
                                          "the virtual environment " + folder.string() + " of Pulumi.yaml does not exist")
                                  .note("make it with: python3 -m venv " + folder.string() + " && " +
                                        (folder / "bin/pip").string() + " install -r requirements.txt"));
        }
        environment["VIRTUAL_ENV"] = folder.string();
        environment["PATH"] = (folder / "bin").string() + ":" + environment_value("PATH");
        return python.string();
    }
    if (const std::string command = environment_value("PULUMI_PYTHON_CMD"); !command.empty())
        return command.contains('/') ? command : find_executable(command);
    if (const std::string active = environment_value("VIRTUAL_ENV"); !active.empty() && fs::exists(active + "/bin/python"))
        return active + "/bin/python";
    for (const char* name : {"python3", "python"})
        if (std::string found = find_executable(name); !found.empty()) return found;
    return base::fail(base::code::NoInterpreter, "no python3 in PATH");
}

std::function<void(int)> on_exit(const ProgramOptions& options) {
    return [ended = options.ended](int status) {
        if (status == 0)
            ended(std::nullopt);
        else if (status == 32)
            ended("");  // it has said why
        else if (status > 128)
            ended("the program was killed by signal " + std::to_string(status - 128));
        else
            ended("the program ended with exit status " + std::to_string(status));
    };
}

}  // namespace

std::map<std::string, std::string> config_environment(const Config& config, std::string_view infix) {
    Json values = Json::object();
    Json secret_keys = Json::array();
    for (const auto& [key, value] : config) {
        const size_t colon = key.find(':');
        values.set(key.substr(0, colon) + std::string(infix) + key.substr(colon + 1), Json(value.text));
        if (value.secret) secret_keys.push(Json(key));
    }
    return {{"PULUMI_CONFIG", values.dump()}, {"PULUMI_CONFIG_SECRET_KEYS", secret_keys.dump()}};
}

base::Result<std::unique_ptr<Program>> start_python(ProgramOptions options, const std::string& address) {
    const Project& project = *options.project;
    ProcessOptions process;
    process.environment = config_environment(options.config, ":");
    process.environment["PYTHONUNBUFFERED"] = "1";
    const std::string python = TRY(find_python(project, process.environment));
    process.folder = project.program;
    if (project.entry.empty() && !fs::exists(project.program / "__main__.py"))
        return base::fail(base::Error(base::code::NoProgram, "there is no __main__.py in " + project.program.string())
                              .note("a Python program begins there; `main:` in Pulumi.yaml names another folder or file"));
    process.arguments = {python,
                         "-c",
                         python_launcher,
                         "--monitor",
                         address,
                         "--engine",
                         address,
                         "--project",
                         project.name,
                         "--root_directory",
                         project.root.string(),
                         "--stack",
                         options.stack,
                         "--pwd",
                         project.program.string(),
                         "--dry_run",
                         options.preview ? "true" : "false",
                         "--parallel",
                         std::to_string(options.parallel),
                         "--organization",
                         "organization",
                         (project.program / project.entry).string()};
    process.line = options.line;
    process.ended = on_exit(options);
    return start_process(std::move(process));
}

namespace {

// Words as a shell splits them: blanks separate, quotes and backslashes keep.
base::Result<std::vector<std::string>> split_words(std::string_view text, const std::string& where) {
    std::vector<std::string> words;
    std::string word;
    bool in_word = false;
    char quote = 0;
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quote == 0 && (c == ' ' || c == '\t' || c == '\n')) {
            if (in_word) words.push_back(std::exchange(word, {}));
            in_word = false;
            continue;
        }
        in_word = true;
        if (c == '\\' && quote != '\'' && i + 1 < text.size())
            word += text[++i];
        else if (quote == 0 && (c == '"' || c == '\''))
            quote = c;
        else if (c == quote)
            quote = 0;
        else
            word += c;
    }
    if (quote != 0) return base::fail(base::code::InvalidProject, where + ": a quote is not closed");
    if (in_word) words.push_back(std::move(word));
    return words;
}

// The shim must be a file; it lives as long as the process.
class NodeProgram final : public Program {
public:
    NodeProgram(fs::path shim, std::unique_ptr<Program> process) : shim_(std::move(shim)), process_(std::move(process)) {}
    ~NodeProgram() override {
        process_.reset();
        std::error_code error;
        fs::remove(shim_, error);
    }
    void interrupt() override { process_->interrupt(); }
    bool wait(int milliseconds) override { return process_->wait(milliseconds); }
    void kill() override { process_->kill(); }

private:
    fs::path shim_;
    std::unique_ptr<Program> process_;
};

// The SDK runs TypeScript in ES modules with ts-node's loader if it finds one, and otherwise leaves Node to refuse the file.
void hint_at_loader(const ProgramOptions& options, const fs::path& run) {
    const Project& project = *options.project;
    const auto content = os::read_file(project.program / "package.json");
    if (!content || project.options["typescript"].text == "false") return;
    const auto package = text::parse_json(*content);
    if (!package || (*package)["type"].as_string() != "module" || !fs::exists(project.program / "index.ts")) return;
    if (fs::exists(project.program / "index.js") || !project.options["nodeargs"].is_null()) return;
    std::error_code error;
    for (fs::path folder = fs::canonical(run, error);; folder = folder.parent_path()) {
        if (error || fs::exists(folder / "node_modules/ts-node/esm.mjs")) return;
        if (folder == folder.root_path()) break;
    }
    options.line(
        "TypeScript in ES modules (\"type\": \"module\" in package.json) needs ts-node 10 and typescript 4.7 or later: "
        "npm install --save-dev ts-node typescript",
        true);
}

base::Result<fs::path> write_shim() {
    std::string name = (fs::temp_directory_path() / "trainwarden-node-XXXXXX.cjs").string();
    const os::Descriptor file(::mkstemps(name.data(), 4));
    if (!file.is_open()) return base::fail(os::file_error("write", name, errno));
    TRY(os::write_all(file.number(), node_shim, name));
    return fs::path(name);
}

}  // namespace

base::Result<std::unique_ptr<Program>> start_node(ProgramOptions options, const std::string& address) {
    const Project& project = *options.project;
    const std::string node = find_executable("node");
    if (node.empty()) return base::fail(base::code::NoInterpreter, "no node in PATH");
    fs::path run;
    for (fs::path folder = project.program;; folder = folder.parent_path()) {
        run = folder / "node_modules/@pulumi/pulumi/cmd/run/index.js";
        if (fs::exists(run)) break;
        if (folder == folder.root_path()) {
            return base::fail(
                base::Error(base::code::NoInterpreter, "@pulumi/pulumi is not installed for " + project.program.string())
                    .note("install the program's packages with: npm install"));
        }
    }
    hint_at_loader(options, run);
    ProcessOptions process;
    process.environment = config_environment(options.config, ":config:");
    process.environment["PULUMI_NODEJS_TYPESCRIPT"] = project.options["typescript"].text == "false" ? "false" : "true";
    if (const Yaml* tsconfig = project.options.find("tsconfig"))
        process.environment["PULUMI_NODEJS_TSCONFIG_PATH"] = tsconfig->text;
    if (options.transpile_only) process.environment["PULUMI_NODEJS_TRANSPILE_ONLY"] = "true";
    const fs::path shim = TRY(write_shim());
    // In one word: the SDK takes a word `--require` for a loader of the program's own, and leaves ES modules in TypeScript to it.
    process.arguments = {node, "--require=" + shim.string()};
    const Yaml& node_arguments = project.options["nodeargs"];
    if (node_arguments.is_scalar())
        for (std::string& argument : TRY(split_words(node_arguments.text, project.file.string() + ": nodeargs")))
            process.arguments.push_back(std::move(argument));
    for (const Yaml& argument : node_arguments.items) process.arguments.push_back(argument.text);
    for (const std::string& argument :
         {run.string(), std::string("--monitor"), address, std::string("--engine"), address, std::string("--organization"),
          std::string("organization"), std::string("--project"), project.name, std::string("--root-directory"),
          project.root.string(), std::string("--stack"), options.stack, std::string("--pwd"), project.program.string(),
          std::string("--parallel"), std::to_string(options.parallel)}) {
        process.arguments.push_back(argument);
    }
    if (options.preview) process.arguments.emplace_back("--dry-run");
    process.arguments.push_back(project.entry.empty() ? "." : project.entry);
    process.folder = project.program;
    process.line = options.line;
    process.ended = on_exit(options);
    auto started = start_process(std::move(process));
    if (!started) {
        std::error_code error;
        fs::remove(shim, error);
        return base::fail(std::move(started.error()));
    }
    return std::make_unique<NodeProgram>(shim, std::move(*started));
}

namespace {

// ` (did you mean …?)` for other names of the runtimes and for those that lack a letter or have one too many.
std::string closest_runtime(std::string_view given) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 10> names = {{{"node", "nodejs"},
                                                                                             {"js", "nodejs"},
                                                                                             {"javascript", "nodejs"},
                                                                                             {"typescript", "nodejs"},
                                                                                             {"ts", "nodejs"},
                                                                                             {"python3", "python"},
                                                                                             {"py", "python"},
                                                                                             {"yml", "yaml"},
                                                                                             {"nodejs", "nodejs"},
                                                                                             {"python", "python"}}};
    const std::string lower = base::lower(given);
    for (const auto& [name, runtime] : names)
        if (lower == name) return " (did you mean " + std::string(runtime) + "?)";
    for (const std::string_view runtime : {"python", "nodejs", "yaml"}) {
        // The same letters but for one or two at one place.
        size_t front = 0, back = 0;
        while (front < std::min(lower.size(), runtime.size()) && lower[front] == runtime[front]) ++front;
        while (back < std::min(lower.size(), runtime.size()) - front &&
               lower[lower.size() - 1 - back] == runtime[runtime.size() - 1 - back])
            ++back;
        if (std::max(lower.size(), runtime.size()) - front - back <= 2 && front + back >= 2)
            return " (did you mean " + std::string(runtime) + "?)";
    }
    return "";
}

}  // namespace

base::Result<void> check_runtime(const Project& project) {
    if (project.runtime == "python" || project.runtime == "nodejs" || project.runtime == "yaml") return {};
    return base::fail(base::Error(base::code::NotSupported,
                                  "the runtime `" + project.runtime + "` of " + project.file.string() + " is not supported")
                          .note("write `runtime:` python, nodejs or yaml" + closest_runtime(project.runtime)));
}

base::Result<std::unique_ptr<Program>> start_program(ProgramOptions options, rpc::Monitor& monitor, const std::string& address) {
    const std::string runtime = options.project->runtime;
    if (runtime == "python") return start_python(std::move(options), address);
    if (runtime == "nodejs") return start_node(std::move(options), address);
    if (runtime == "yaml") return start_yaml(std::move(options), monitor);
    return base::fail(check_runtime(*options.project).error());
}

}  // namespace deploy
