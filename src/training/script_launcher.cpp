#include "training/script_launcher.hpp"

#include <algorithm>

#include "base/error_codes.hpp"
#include "sandbox/mounts.hpp"

namespace training {
namespace {

constexpr size_t processes_per_host_max = 256;

std::unexpected<base::Error> invalid(std::string message) {
    return base::fail(base::code::ValidationException, std::move(message));
}

const std::string* value_of(const Plan& plan, std::string_view name) {
    for (const auto& [key, value] : plan.hyperparameters) {
        if (key == name) return &value;
    }
    return nullptr;
}

bool is_on(const Plan& plan, std::string_view name) {
    const std::string* value = value_of(plan, name);
    if (value == nullptr) return false;
    text::Json decoded = decode_hyperparameter(*value);
    return decoded.is_bool() ? decoded.as_bool() : decoded.as_string() == "true" || decoded.as_string() == "True";
}

std::string joined_hosts(const Plan& plan, const ScriptLauncher& script_launcher) {
    std::string list;
    for (size_t host : script_launcher.hosts)
        list += (list.empty() ? "" : ",") + plan.hosts[host] + ":" + std::to_string(script_launcher.processes_per_host);
    return list;
}

std::vector<std::string> torchrun_command(const Plan& plan, const ScriptLauncher& script_launcher, size_t host,
                                          std::vector<std::string> script) {
    std::vector<std::string> words = {"torchrun",
                                      "--nnodes",
                                      std::to_string(script_launcher.hosts.size()),
                                      "--nproc_per_node",
                                      std::to_string(script_launcher.processes_per_host),
                                      "--master_addr",
                                      plan.hosts[script_launcher.hosts.front()],
                                      "--master_port",
                                      std::to_string(rendezvous_port),
                                      "--node_rank",
                                      std::to_string(script_launcher.rank_of(host))};
    // torchrun brings its own interpreter.
    bool python = script.front().find("python") != std::string::npos;
    if (!python) words.emplace_back("--no_python");
    words.insert(words.end(), script.begin() + (python ? 1 : 0), script.end());
    return words;
}

std::vector<std::string> mpi_command(const Plan& plan, const ScriptLauncher& script_launcher, size_t host,
                                     const std::string& network_interface, const std::vector<std::string>& script) {
    std::string inside = sandbox::inside_path;
    if (host != script_launcher.hosts.front()) return {inside, "serve"};
    std::vector<std::string> words = {inside, "lead"};
    for (size_t other : script_launcher.hosts) {
        if (other != host) words.push_back(plan.hosts[other]);
    }
    size_t processes = script_launcher.hosts.size() * script_launcher.processes_per_host;
    for (const auto& word : {std::string("--"), std::string("mpirun"), std::string("--host"), joined_hosts(plan, script_launcher),
                             std::string("-np"), std::to_string(processes)}) {
        words.push_back(word);
    }
    for (const auto& [name, value] :
         std::initializer_list<std::pair<std::string, std::string>>{{"plm_rsh_agent", inside + " rsh"},
                                                                    {"plm_rsh_no_tree_spawn", "1"},
                                                                    {"btl_tcp_if_include", network_interface},
                                                                    {"oob_tcp_if_include", network_interface},
                                                                    {"pml", "ob1"},
                                                                    {"btl", "^openib"},
                                                                    {"orte_abort_on_non_zero_status", "1"},
                                                                    {"btl_vader_single_copy_mechanism", "none"}}) {
        words.insert(words.end(), {"-mca", name, value});
    }
    for (const char* word : {"--allow-run-as-root", "--oversubscribe", "--tag-output", "-bind-to", "none", "-map-by", "slot"})
        words.emplace_back(word);
    words.insert(words.end(), script_launcher.options.begin(), script_launcher.options.end());
    words.insert(words.end(), script.begin(), script.end());
    return words;
}

}  // namespace

bool ScriptLauncher::takes_part(size_t host) const { return std::find(hosts.begin(), hosts.end(), host) != hosts.end(); }

size_t ScriptLauncher::rank_of(size_t host) const {
    return static_cast<size_t>(std::find(hosts.begin(), hosts.end(), host) - hosts.begin());
}

base::Result<ScriptLauncher> script_launcher_of(const Plan& plan) {
    ScriptLauncher script_launcher;
    // The SDK names the strategy's groups; without, all of them.
    std::vector<std::string> groups;
    if (const std::string* named = value_of(plan, "sagemaker_distribution_instance_groups")) {
        const text::Json names = decode_hyperparameter(*named);
        for (const auto& name : names.items()) groups.push_back(name.as_string());
        script_launcher.names_groups = true;
    }
    for (size_t host = 0; host < plan.hosts.size(); ++host) {
        if (groups.empty() || std::find(groups.begin(), groups.end(), group_of(plan, host).name) != groups.end())
            script_launcher.hosts.push_back(host);
    }
    if (script_launcher.hosts.empty())
        return invalid("sagemaker_distribution_instance_groups names none of the job's instance groups.");
    for (std::string_view other : {"sagemaker_distributed_dataparallel_enabled", "sagemaker_parameter_server_enabled",
                                   "sagemaker_multi_worker_mirrored_strategy_enabled"}) {
        if (is_on(plan, other)) {
            return invalid("The hyperparameter " + std::string(other) +
                           " is not supported by this server. Use torch_distributed or mpi as the distribution.");
        }
    }
    if (plan.program.empty()) return script_launcher;
    if (is_on(plan, "sagemaker_torch_distributed_enabled") || is_on(plan, "sagemaker_pytorch_ddp_enabled")) {
        script_launcher.launcher = Launcher::torchrun;
        return script_launcher;
    }
    if (!is_on(plan, "sagemaker_mpi_enabled")) return script_launcher;
    script_launcher.launcher = Launcher::mpi;
    if (const std::string* number = value_of(plan, "sagemaker_mpi_num_of_processes_per_host")) {
        text::Json decoded = decode_hyperparameter(*number);
        int64_t count = decoded.as_int(0);
        if (count < 1 || count > static_cast<int64_t>(processes_per_host_max))
            return invalid("sagemaker_mpi_num_of_processes_per_host must be between 1 and 256.");
        script_launcher.processes_per_host = static_cast<size_t>(count);
    }
    if (const std::string* options = value_of(plan, "sagemaker_mpi_custom_mpi_options"))
        script_launcher.options = TRY(shell_words(decode_hyperparameter(*options).as_string()));
    return script_launcher;
}

base::Result<std::vector<std::string>> shell_words(std::string_view text) {
    std::vector<std::string> words;
    std::string word;
    bool begun = false;
    char quote = 0;
    for (size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (quote != 0) {
            bool escapes = c == '\\' && quote == '"' && i + 1 < text.size() && (text[i + 1] == '"' || text[i + 1] == '\\');
            if (c == quote)
                quote = 0;
            else
                word += escapes ? text[++i] : c;
        } else if (c == '\'' || c == '"') {
            quote = c;
            begun = true;
        } else if (c == '\\' && i + 1 < text.size()) {
            word += text[++i];
            begun = true;
        } else if (c == ' ' || c == '\t' || c == '\n') {
            if (begun) words.push_back(std::move(word));
            word.clear();
            begun = false;
        } else {
            word += c;
            begun = true;
        }
    }
    if (quote != 0) return invalid("sagemaker_mpi_custom_mpi_options has a quote that never closes.");
    if (begun) words.push_back(std::move(word));
    return words;
}

std::vector<std::string> launcher_command(const Plan& plan, const ScriptLauncher& script_launcher, size_t host,
                                          const std::string& network_interface, std::vector<std::string> script) {
    if (!script_launcher.takes_part(host)) return script;
    switch (script_launcher.launcher) {
        case Launcher::torchrun:
            return torchrun_command(plan, script_launcher, host, std::move(script));
        case Launcher::mpi:
            return mpi_command(plan, script_launcher, host, network_interface, script);
        case Launcher::script:
            break;
    }
    return script;
}

std::vector<std::string> shown_command(std::vector<std::string> words) {
    if (words.empty() || words.front() != sandbox::inside_path) return words;
    const auto begin = std::ranges::find(words, "--");
    if (begin == words.end()) return words;
    words.erase(words.begin(), begin + 1);
    const auto agent = std::ranges::find(words, "plm_rsh_agent");
    if (agent != words.begin() && agent != words.end() && words.end() - agent > 1) words.erase(agent - 1, agent + 2);
    return words;
}

}  // namespace training
