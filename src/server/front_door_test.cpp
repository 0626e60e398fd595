#include "server/front_door.hpp"

#include <doctest/doctest.h>

using server::parse_ways_in;

TEST_CASE("ways in are called as VPC endpoints are") {
    const auto ways = parse_ways_in({"vpce-0a1b2c3d=127.0.0.1:4567", "vpce-0123456789abcdef0=workers"});
    REQUIRE(ways);
    REQUIRE(ways->size() == 2);
    CHECK(ways->front().vpc_endpoint == "vpce-0a1b2c3d");
    CHECK(ways->front().listen == "127.0.0.1:4567");
    CHECK(server::workers_endpoint(*ways) == "vpce-0123456789abcdef0");
    CHECK(server::workers_endpoint({ways->front()}).empty());
    for (const char* wrong : {"vpce-0a1b2c3d", "vpce-0a1b2c3d=", "vpce-0a1b=1", "vpc-0a1b2c3d=1", "vpce-0A1B2C3D=1",
                              "vpce-=workers", "vpce-0a1b2c3d*=1", "v", ""})
        CHECK(parse_ways_in({wrong}).error().code == "InvalidConfiguration");
    CHECK(parse_ways_in({"vpce-0a1b2c3d=no address"}).error().code == "InvalidListen");
    CHECK(parse_ways_in({"vpce-0a1b2c3d=workers", "vpce-0a1b2c3e=workers"}).error().code == "InvalidConfiguration");
}
