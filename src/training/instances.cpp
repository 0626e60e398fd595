#include "training/instances.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <thread>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "text/json.hpp"
#include "training/limits.hpp"

namespace training {
namespace {

constexpr uint64_t gibibyte = 1ULL << 30;
constexpr size_t listed_names_max = 8;  // in a message

// GiB of memory for each virtual CPU. The first family that the name starts with counts.
struct Family {
    std::string_view name;
    double memory;
};
constexpr Family families[] = {
    {"c", 2},    {"m", 4},      {"r", 8},   {"t", 4},       {"g6e", 8},     {"g7e", 8}, {"g", 4},    {"p2", 15.25},
    {"p3dn", 8}, {"p3", 7.625}, {"p4", 12}, {"p5", 10.667}, {"p6", 10.667}, {"p", 8},   {"trn1", 4}, {"trn2", 10.667},
};

// "2xlarge" → 8 virtual CPUs. Sizes come in powers and multiples of xlarge, which is 4.
unsigned cores_of(std::string_view size) {
    if (size == "medium" || size == "large") return 2;
    if (size == "xlarge") return 4;
    unsigned count = 1;
    std::from_chars(size.data(), size.data() + size.size(), count);
    return std::max(1U, count) * 4;
}

unsigned gpus_of(std::string_view family, std::string_view size) {
    if (family.starts_with('g')) return size == "48xlarge" ? 8 : size == "12xlarge" || size == "24xlarge" ? 4 : 1;
    if (!family.starts_with('p')) return 0;
    if (size == "xlarge" || size == "2xlarge" || size == "4xlarge") return 1;
    if (size == "36xlarge") return 4;
    if (family == "p3" && size == "8xlarge") return 4;
    if (family == "p2" && size == "16xlarge") return 16;
    return 8;
}

InstanceType size_of(const std::string& name, const Machine& machine) {
    auto parts = base::split(name, '.');
    std::string_view family = parts.size() == 3 ? parts[1] : "m";
    std::string_view size = parts.size() == 3 ? parts[2] : "large";
    InstanceType type;
    unsigned cores = cores_of(size);
    double per_core = 4;
    for (const auto& known : families) {
        if (!family.starts_with(known.name)) continue;
        per_core = known.memory;
        break;
    }
    type.cores = std::clamp(cores, 1U, machine.cores);
    type.memory_bytes = std::min(static_cast<uint64_t>(per_core * cores) * gibibyte, machine.memory_bytes);
    unsigned gpus = gpus_of(family, size);
    type.gpus = std::min(gpus, machine.gpus);
    if (gpus == 0) {
        type.count = instances_per_type_default;
    } else if (type.gpus > 0) {
        type.count = static_cast<int>(machine.gpus / type.gpus);
    }
    type.spot_count = type.count;
    return type;
}

base::Result<int64_t> number(const std::string& name, const text::Json& entry, std::string_view member, int64_t otherwise) {
    if (!entry.contains(member)) return otherwise;
    int64_t value = entry[member].as_int(-1);
    if (!entry[member].is_number() || value < 0)
        return base::fail(base::code::InvalidConfiguration,
                          "instance type " + name + ": " + std::string(member) + " is not a number of 0 or more");
    return value;
}

}  // namespace

Machine this_machine() {
    Machine machine;
    machine.cores = std::max(1U, std::thread::hardware_concurrency());
    machine.memory_bytes = static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
    std::error_code none;  // No such folder: no NVIDIA driver, no GPUs.
    for (const auto& gpu : std::filesystem::directory_iterator("/proc/driver/nvidia/gpus", none)) {
        (void)gpu;
        ++machine.gpus;
    }
    return machine;
}

InstanceTypes InstanceTypes::of(const Machine& machine) {
    InstanceTypes types;
    types.machine_ = machine;
    return types;
}

base::Result<InstanceTypes> InstanceTypes::parse(std::string_view json, const Machine& machine) {
    auto table = text::parse_json(json);
    if (!table) return base::fail(std::move(table).error());
    if (!table->is_object())
        return base::fail(base::code::InvalidConfiguration, "the table of instance types is not a JSON object");
    InstanceTypes types = of(machine);
    types.is_configured_ = true;
    constexpr std::string_view members[] = {"Cores", "MemoryInGiB", "Gpus", "Count", "SpotCount"};
    for (const auto& [name, entry] : table->members()) {
        if (!name.starts_with("ml.") || !entry.is_object())
            return base::fail(base::code::InvalidConfiguration,
                              "`" + name + "` is not an instance type: write \"ml.m5.large\": {…}");
        for (const auto& [member, value] : entry.members()) {
            if (std::find(std::begin(members), std::end(members), member) == std::end(members))
                return base::fail(base::code::InvalidConfiguration, "instance type " + name + ": there is no " + member +
                                                                        "; known: Cores, MemoryInGiB, Gpus, Count, SpotCount");
        }
        InstanceType type = size_of(name, machine);
        type.cores = static_cast<unsigned>(std::max<int64_t>(1, TRY(number(name, entry, "Cores", type.cores))));
        if (entry.contains("MemoryInGiB"))
            type.memory_bytes = static_cast<uint64_t>(TRY(number(name, entry, "MemoryInGiB", 0))) * gibibyte;
        type.gpus = static_cast<unsigned>(TRY(number(name, entry, "Gpus", type.gpus)));
        type.count = static_cast<int>(TRY(number(name, entry, "Count", type.count)));
        type.spot_count = static_cast<int>(TRY(number(name, entry, "SpotCount", type.count)));
        if (type.gpus > machine.gpus)
            return base::fail(base::code::InvalidConfiguration, "instance type " + name + " has " + std::to_string(type.gpus) +
                                                                    " GPUs, this machine has " + std::to_string(machine.gpus));
        types.listed_[name] = type;
    }
    return types;
}

InstanceType InstanceTypes::find(const std::string& name) const {
    if (!is_configured_) return size_of(name, machine_);
    auto found = listed_.find(name);
    if (found != listed_.end()) return found->second;
    InstanceType none = size_of(name, machine_);
    none.count = none.spot_count = 0;
    return none;
}

std::vector<std::string> InstanceTypes::listed() const {
    std::vector<std::string> names;
    for (const auto& [name, type] : listed_) names.push_back(name);
    return names;
}

std::string InstanceTypes::why_none(const std::string& name) const {
    if (!is_configured_) {
        const auto parts = base::split(name, '.');
        const unsigned wanted = parts.size() == 3 ? gpus_of(parts[1], parts[2]) : 0;
        if (wanted > 0 && machine_.gpus == 0)
            return "The machine of this server has no GPU: use an instance type without one, such as ml.m5.large or "
                   "ml.c5.xlarge.";
        return "This server has no such instances.";
    }
    std::string offered;
    size_t count = 0;
    for (const auto& [listed, type] : listed_) {
        if (type.count > 0 && ++count <= listed_names_max) offered += (offered.empty() ? "" : ", ") + listed;
    }
    if (count > listed_names_max) offered += ", …";
    return "This server's table of instance types offers: " + (offered.empty() ? "none" : offered) + ".";
}

int InstanceTypes::total() const {
    if (!is_configured_) return instances_total_default;
    int total = 0;
    for (const auto& [name, type] : listed_) total += std::max(type.count, type.spot_count);
    return total;
}

std::string quota_name(const std::string& instance_type, bool spot) {
    return instance_type + (spot ? " for spot training job usage" : " for training job usage");
}

base::Error limit_exceeded(const std::string& quota, int64_t limit, int64_t in_use, int64_t wanted, std::string_view unit) {
    std::string units(unit);
    return {base::code::ResourceLimitExceeded,
            "The account-level service limit '" + quota + "' is " + std::to_string(limit) + " " + units +
                ", with current utilization of " + std::to_string(in_use) + " " + units + " and a request delta of " +
                std::to_string(wanted) + " " + units +
                ". Please use AWS Service Quotas to request an increase for this quota. If AWS Service Quotas is not "
                "available, contact AWS support to request an increase for this quota."};
}

}  // namespace training
