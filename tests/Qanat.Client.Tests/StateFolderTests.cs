using Qanat.Client.Participants;
using Qanat.Wire;

namespace Qanat.Client.Tests;

public sealed class StateFolderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("qanat-state-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_names_meant_first_is_kept_up_to_a_bound()
    {
        StateFolder state = new(Path.Combine(_folder, "state"));
        Mid mid = Mid.FromSubjectPublicKeyInfo([1]);
        Assert.Empty(state.LoadPeers());
        for (int i = 0; i < 2000; i++)
        {
            state.AddPeer($"participant-{i:d4}", mid);
        }
        Dictionary<string, Mid> peers = new StateFolder(Path.Combine(_folder, "state")).LoadPeers();
        Assert.InRange(peers.Count, 1000, 1999);
        Assert.Equal(mid, peers["participant-0000"]);
        Assert.InRange(new FileInfo(Path.Combine(_folder, "state", "peers")).Length, 1, 64 * 1024);
    }
}
