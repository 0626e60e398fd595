// What `trainwarden doctor` finds: each finding is fine, worth a look, or in the way.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "text/json.hpp"

namespace cli {

enum class Finding { ok, warning, problem };

class DoctorReport {
public:
    bool json = false;

    // A problem makes doctor's exit status 1. `remedy`: what to do; none where all is well.
    void add(Finding finding, const std::string& what, const std::string& remedy = "");
    [[nodiscard]] bool has_problem() const { return has_problem_; }
    void print_json_if_wanted() const;

private:
    text::Json checks_ = text::Json::array();
    bool has_problem_ = false;
};

struct DoctorFolder {
    std::string path;
    bool is_named = false;  // by `--data`; else it is where `serve` would look
};

// doctor_server.cpp: the server that the shell points to, by the way that AWS tools of this shell take. Where it points to none, as in a container
// without a shell, the server of the folder, over its socket.
void check_server(DoctorReport& report, const DoctorFolder& folder);
// The server of a data folder, as far as this machine shows it.
void check_data_folder(DoctorReport& report, const std::string& data);
// doctor_machine.cpp: this machine.
void check_disk(DoctorReport& report, const std::string& data);
void check_clock(DoctorReport& report);
void check_programs(DoctorReport& report);
void check_sandbox(DoctorReport& report);
void check_volumes(DoctorReport& report);
void check_gpus(DoctorReport& report);
void check_slurm(DoctorReport& report);

// For their tests: what they make of figures.
[[nodiscard]] Finding judge_space(uint64_t free, uint64_t size);
[[nodiscard]] Finding judge_skew(int64_t seconds);
// What to do where a TLS connection failed with these words of OpenSSL or libcurl; empty: nothing that these words tell.
[[nodiscard]] std::string remedy_for_tls(std::string_view said);

}  // namespace cli
