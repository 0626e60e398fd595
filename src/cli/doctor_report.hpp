// What `trainwarden doctor` finds: each finding is fine, worth a look, or in the way.
#pragma once

#include <cstdint>
#include <string>

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

// doctor_server.cpp: the server that the shell points to.
void check_server(DoctorReport& report);
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

}  // namespace cli
