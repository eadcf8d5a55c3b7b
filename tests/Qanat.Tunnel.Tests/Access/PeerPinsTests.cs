using Microsoft.Extensions.Logging.Abstractions;
using Qanat.Tunnel.Access;
using static Qanat.Tunnel.Tests.Access.FakeDirectory;

namespace Qanat.Tunnel.Tests.Access;

public sealed class PeerPinsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("qanat-pins-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task What_a_name_meant_first_outlives_a_restart_and_a_hub_that_says_otherwise()
    {
        var directory = new FakeDirectory { Members = { ["bob"] = MidOf(1) } };
        string file = Path.Combine(_folder, "peer-pins.json");
        var pins = new PeerPins(directory, file, TimeProvider.System, NullLogger.Instance);
        pins.Keep("carol", MidOf(2));
        pins.Keep("carol", MidOf(9));
        await pins.ResolveAsync("bob");
        directory.Members["bob"] = MidOf(9);

        var again = new PeerPins(directory, file, TimeProvider.System, NullLogger.Instance);
        await again.ResolveAsync("bob");
        Assert.Equal(MidOf(1), again.All["bob"]);
        Assert.Equal(MidOf(2), again.All["carol"]);
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        }
    }
}
