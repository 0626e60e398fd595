#include "sandbox/network.hpp"

namespace sandbox {
namespace {

// Private to the job: its namespaces see no other network that could use it too.
constexpr const char* subnet = "10.77.0.";

bool is_loopback(const std::string& address) { return address.starts_with("127.") || address == "::1"; }

// What `ip` does in a worker's own namespace, once its eth0 is there.
std::string own_devices(size_t worker, const std::vector<std::string>& addresses) {
    std::string lines = "link set lo up\n";
    for (const auto& address : addresses) {
        if (is_loopback(address)) continue;
        bool v6 = address.find(':') != std::string::npos;
        lines += "addr add " + address + (v6 ? "/128 nodad" : "/32") + " dev lo\n";
    }
    std::string interface(network_interface);
    // No automatic IPv6 address: libraries would prefer it.
    return lines + "link set " + interface + " addrgenmode none\naddr add " + Network::address_of(worker) + "/24 dev " +
           interface + "\nlink set " + interface + " up\n";
}

// An eth0 whose other end is in the same namespace: up, with an address, which nothing uses.
std::string lonely_device() {
    return "link add " + std::string(network_interface) +
           " type veth peer name nobody\nlink set nobody addrgenmode none\nlink set nobody up\n";
}

}  // namespace

base::Result<std::unique_ptr<Network>> Network::make_alone(size_t worker, const std::vector<std::string>& addresses, int mtu) {
    std::unique_ptr<Network> network(new Network);
    network->namespaces_ = TRY(make_namespaces(1));
    const int user = network->user_namespace(), own = network->namespace_of(0);
    network->tunnel_ = TRY(open_tunnel(user, own, std::string(network_interface)));
    TRY(configure_inside(
        user, own,
        "link set " + std::string(network_interface) + " mtu " + std::to_string(mtu) + "\n" + own_devices(worker, addresses),
        {}));
    return network;
}

base::Result<std::unique_ptr<Network>> Network::make(size_t workers, const std::vector<std::string>& addresses) {
    std::unique_ptr<Network> network(new Network);
    if (workers ==
        1) {  // No sibling to bridge to: half the namespaces, which the kernel is slow to make and slower to take down.
        network->namespaces_ = TRY(make_namespaces(1));
        TRY(configure_inside(network->user_namespace(), network->namespace_of(0), lonely_device() + own_devices(0, addresses),
                             {}));
        return network;
    }
    network->namespaces_ = TRY(make_namespaces(workers + 1));
    int user = network->user_namespace();
    std::vector<int> passed;
    std::string bridge = "link add siblings type bridge\nlink set siblings up\n";
    for (size_t worker = 0; worker < workers; ++worker) {
        std::string end = "w" + std::to_string(worker + 1);
        passed.push_back(network->namespace_of(worker));
        bridge += "link add " + end + " type veth peer name " + std::string(network_interface) + " netns /proc/self/fd/" +
                  std::to_string(passed.back()) + "\nlink set " + end + " addrgenmode none\nlink set " + end +
                  " master siblings up\n";
    }
    TRY(configure_inside(user, network->namespace_of(workers), bridge, passed));
    for (size_t worker = 0; worker < workers; ++worker)
        TRY(configure_inside(user, network->namespace_of(worker), own_devices(worker, addresses), {}));
    return network;
}

base::Result<std::vector<net::Listener>> Network::listen(size_t worker, const std::vector<SocketAddress>& addresses) const {
    auto sockets = TRY(listen_inside(user_namespace(), namespace_of(worker), addresses));
    std::vector<net::Listener> listeners;
    for (size_t i = 0; i < sockets.size(); ++i)
        listeners.push_back(net::Listener::adopt(std::move(sockets[i]), addresses[i].port));
    return listeners;
}

std::string Network::address_of(size_t worker) { return subnet + std::to_string(worker + 1); }

}  // namespace sandbox
