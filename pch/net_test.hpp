// Precompiled for the tests of what has sockets or JSON.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net.hpp"
