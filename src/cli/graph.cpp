#include "cli/graph.hpp"

#include <map>
#include <set>
#include <tuple>
#include <vector>

namespace cli {
namespace {

namespace m = model::trainwarden;

std::string key_of(const m::Principal& principal) {
    if (principal.name) return *principal.name;
    if (principal.role_arn) return *principal.role_arn;
    if (principal.arn) return *principal.arn;
    return principal.service ? *principal.service : "anyone without credentials";
}

struct Graph {
    std::vector<std::string> names;  // by number; the first is what was asked about
    std::map<std::string, size_t> numbers;
    std::set<std::tuple<size_t, size_t, std::string>> edges;

    size_t number_of(const std::string& name) {
        const auto [entry, is_new] = numbers.try_emplace(name, names.size());
        if (is_new) names.push_back(name);
        return entry->second;
    }
};

Graph graph_of(const m::WhoCanResponse& answer, const std::string& asked) {
    Graph out;
    const size_t aim = out.number_of(asked);
    std::set<std::string> may;
    for (const m::PrincipalsInAlike& group : model::items(answer.groups))
        for (const m::Principal& principal : group.principals) may.insert(key_of(principal));
    for (const std::string& one : may) out.edges.emplace(out.number_of(one), aim, "may");
    for (const m::AccessPath& path : model::items(answer.paths))
        for (size_t i = 0; i < path.steps.size(); ++i) {
            const m::PathStep& step = path.steps[i];
            const bool is_last = i + 1 == path.steps.size();
            // A change of its own permissions, or of a principal's that may not do it before, ends at what was asked about.
            const bool arrives = is_last && (step.from == step.to || !may.contains(step.to));
            if (!arrives && step.from == step.to) continue;
            out.edges.emplace(out.number_of(step.from), arrives ? aim : out.number_of(step.to), step.means);
        }
    return out;
}

std::string in_dot(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    }
    return out + "\"";
}

// Mermaid reads HTML's entities in quoted text.
std::string in_mermaid(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ' ' || c == '/' ||
                           c == '-' || c == '.' || c == ',' || c == '_' || c == ':' || byte >= 0x80;
        out += plain ? std::string(1, c) : byte < ' ' ? " " : "#" + std::to_string(byte) + ";";
    }
    return out + "\"";
}

}  // namespace

std::string to_dot(const m::WhoCanResponse& answer, const std::string& asked) {
    const Graph graph = graph_of(answer, asked);
    std::string out = "digraph paths {\n  rankdir=LR;\n  node [shape=box];\n";
    for (size_t i = 0; i < graph.names.size(); ++i)
        out += "  n" + std::to_string(i) + " [label=" + in_dot(graph.names[i]) + (i == 0 ? ", shape=ellipse" : "") + "];\n";
    for (const auto& [from, to, label] : graph.edges)
        out += "  n" + std::to_string(from) + " -> n" + std::to_string(to) + " [label=" + in_dot(label) + "];\n";
    return out + "}\n";
}

std::string to_mermaid(const m::WhoCanResponse& answer, const std::string& asked) {
    const Graph graph = graph_of(answer, asked);
    std::string out = "flowchart LR\n";
    for (size_t i = 0; i < graph.names.size(); ++i)
        out += "  n" + std::to_string(i) + (i == 0 ? "([" : "[") + in_mermaid(graph.names[i]) + (i == 0 ? "])" : "]") + "\n";
    for (const auto& [from, to, label] : graph.edges)
        out += "  n" + std::to_string(from) + " -->|" + in_mermaid(label) + "| n" + std::to_string(to) + "\n";
    return out;
}

}  // namespace cli
