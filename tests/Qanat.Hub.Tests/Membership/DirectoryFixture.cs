using Microsoft.Extensions.Time.Testing;
using Qanat.Hub.Membership;

namespace Qanat.Hub.Tests.Membership;

internal sealed class DirectoryFixture : IDisposable
{
    public DirectoryFixture()
    {
        Folder = Directory.CreateTempSubdirectory("qanat-hub-").FullName;
        Open();
    }

    public string Folder { get; }

    public string Path => System.IO.Path.Combine(Folder, "hub.db");

    public FakeTimeProvider Time { get; } = new(DateTimeOffset.UnixEpoch.AddYears(50));

    public DirectoryStore Store { get; private set; } = null!;

    public MemberDirectory Members { get; private set; } = null!;

    public void Open()
    {
        Store = new DirectoryStore(Path);
        Members = new MemberDirectory(Store, Time);
    }

    public void Reopen()
    {
        Store.Dispose();
        Open();
    }

    public void Dispose()
    {
        Store.Dispose();
        Directory.Delete(Folder, recursive: true);
    }
}
