#include "slurm/link.hpp"

namespace slurm {

using Type = net::DtlsRecord::Type;

void Link::take(std::string_view datagram, Time now, std::vector<std::string>& packets) {
    packets.clear();
    const auto record = net::read_dtls_record(datagram);
    if (!record) return;
    if (record->type == Type::data) {
        for (auto* session : {current_.get(), previous_.get()}) {  // one that is not open would keep them
            if (session == nullptr) continue;
            session->take(datagram, packets);
            if (!packets.empty()) break;
        }
        if (!packets.empty()) is_unanswered_ = false;
    } else if (!record->client_random.empty()) {
        greet(datagram, std::string(record->client_random), now, packets);
    } else if (auto* session = next_ ? next_.get() : current_.get()) {
        session->take(datagram, packets);
    }
    settle(now);
}

void Link::greet(std::string_view datagram, const std::string& client_random, Time now, std::vector<std::string>& packets) {
    if (end_.begins) return;
    for (auto* session : {next_.get(), current_.get(), previous_.get()}) {
        if (session == nullptr || session->client_random() != client_random) continue;
        session->take(datagram, packets);  // again: the answer was lost
        return;
    }
    if (!greetings_.take(now)) return;
    auto fresh = end_.context->accept(datagram, end_.address, end_.fingerprint, end_.send);
    if (!fresh) return;
    next_ = std::move(fresh);
    next_since_ = now;
}

void Link::settle(Time now) {
    if (next_ && next_->is_over()) {
        next_.reset();
        next_not_before_ = now + limits_.pause;
    }
    if (current_ && current_->is_over()) current_.reset();
    if (!next_ || !next_->is_open()) return;
    previous_ = std::move(current_);
    previous_since_ = now;
    current_ = std::move(next_);
    current_since_ = now;
    ++sessions_;
    for (const auto& packet : waiting_) (void)current_->write(packet);  // what could not be sent is lost, as on a wire
    waiting_.clear();
}

void Link::send(std::string_view packet, Time now) {
    if (packet.size() > net::dtls_packet_bytes_max) return;
    if (!current_) {
        if (waiting_.size() < limits_.waiting_packets) waiting_.emplace_back(packet);
        return;
    }
    if (current_->records() >= limits_.records_max) return;
    if (!is_unanswered_) unanswered_since_ = now;
    is_unanswered_ = true;
    if (!current_->write(packet)) settle(now);
}

bool Link::wants_fresh(Time now) const {
    if (!current_) return true;
    return current_->records() >= limits_.records_fresh || now - current_since_ >= limits_.age_fresh ||
           (is_unanswered_ && now - unanswered_since_ >= limits_.silence);
}

void Link::begin(Time now) {
    next_ = end_.context->connect(end_.fingerprint, end_.send);
    next_since_ = now;
    is_unanswered_ = false;  // only what is sent from now on asks again
}

void Link::tick(Time now) {
    if (next_) {
        next_->tick();
        if (!next_->is_over() && now - next_since_ >= limits_.handshake) {
            next_.reset();
            next_not_before_ = now + limits_.pause;
        }
    }
    if (previous_ && now - previous_since_ >= limits_.overlap) previous_.reset();
    settle(now);
    if (end_.begins && !next_ && now >= next_not_before_ && wants_fresh(now)) begin(now);
}

void Link::say_goodbye() {
    if (current_) current_->say_goodbye();
}

}  // namespace slurm
