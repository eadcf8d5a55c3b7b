using Qanat.Tunnel;
using Qanat.Tunnel.Identity;
using Qanat.Tunnel.Links;
using Qanat.Wire;

namespace Qanat.Client.Participants;

/// <summary>
/// What a participant keeps between runs, in a folder only its owner can read: the key (<c>node.key</c>), the membership ticket (<c>ticket</c>), the
/// hubs it heard of (<c>hubs</c>, a line each), the keys of hubs configured without a mid (<c>hubs.pinned</c>, a line each) and what partners' names meant
/// first (<c>peers</c>, a line each). Losing one of the last two means to trust the hub once more; losing the rest but the key does no harm.
/// </summary>
internal sealed class StateFolder
{
    private const int MaxBytes = 64 * 1024;
    private readonly string _path;

    /// <exception cref="TunnelException"><see cref="TunnelError.InvalidIdentity"/>: the folder cannot be made.</exception>
    internal StateFolder(string path)
    {
        _path = Path.GetFullPath(path);
        try
        {
            if (OperatingSystem.IsWindows())
            {
                Directory.CreateDirectory(_path);
            }
            else
            {
                Directory.CreateDirectory(_path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new TunnelException(TunnelError.InvalidIdentity, $"The state folder '{_path}' cannot be made: {e.Message}", e);
        }
    }

    /// <summary>The key of the earlier runs, or a new one.</summary>
    internal NodeIdentity LoadIdentity(string? certificate)
    {
        string file = Path.Combine(_path, "node.key");
        if (!File.Exists(file))
        {
            using NodeIdentity made = NodeIdentity.Create();
            made.Save(file);
        }
        return NodeIdentity.Load(file, certificate);
    }

    internal byte[]? LoadTicket() => Read("ticket");

    internal void SaveTicket(byte[] ticket) => Write("ticket", ticket);

    internal IReadOnlyList<HubAddress> LoadHubs() => ReadHubs("hubs");

    /// <summary>Keys of hubs configured without a mid, as met first.</summary>
    internal IReadOnlyList<HubAddress> LoadHubPins() => ReadHubs("hubs.pinned");

    /// <summary>Keeps one more. Called by one thread at a time.</summary>
    internal void AddHubPin(HubAddress hub) => WriteHubs("hubs.pinned", [.. LoadHubPins().Where(known => known.Address != hub.Address), hub]);

    private List<HubAddress> ReadHubs(string name)
    {
        List<HubAddress> hubs = [];
        foreach (string line in System.Text.Encoding.UTF8.GetString(Read(name) ?? []).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] parts = line.Split(' ');
            if (parts.Length == 2 && Uri.TryCreate(parts[0], UriKind.Absolute, out Uri? address) && Mid.TryParse(parts[1].AsSpan(), out Mid mid))
            {
                hubs.Add(new HubAddress(address, mid));
            }
        }
        return hubs;
    }

    /// <summary>Keeps the hubs whose key is known; the others would be taken on trust at the next start.</summary>
    internal void SaveHubs(IReadOnlyList<HubAddress> hubs) => WriteHubs("hubs", hubs);

    private void WriteHubs(string name, IReadOnlyList<HubAddress> hubs) =>
        Write(name, System.Text.Encoding.UTF8.GetBytes(string.Concat(hubs.Where(hub => hub.Mid is not null).Select(hub => $"{hub.Address} {hub.Mid}\n"))));

    /// <summary>What names meant first.</summary>
    internal Dictionary<string, Mid> LoadPeers()
    {
        Dictionary<string, Mid> peers = new(StringComparer.Ordinal);
        foreach (string line in System.Text.Encoding.UTF8.GetString(Read("peers") ?? []).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] parts = line.Split(' ');
            if (parts.Length == 2 && Mid.TryParse(parts[1].AsSpan(), out Mid mid))
            {
                peers[parts[0]] = mid;
            }
        }
        return peers;
    }

    /// <summary>Adds a line for a name; nothing beyond what <see cref="LoadPeers"/> would read.</summary>
    internal void AddPeer(string name, Mid mid)
    {
        byte[] line = System.Text.Encoding.UTF8.GetBytes($"{name} {mid}\n");
        byte[] before = Read("peers") ?? [];
        if (before.Length + line.Length <= MaxBytes)
        {
            Write("peers", [.. before, .. line]);
        }
    }

    private byte[]? Read(string name)
    {
        try
        {
            FileInfo file = new(Path.Combine(_path, name));
            return file.Exists && file.Length <= MaxBytes ? File.ReadAllBytes(file.FullName) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private void Write(string name, byte[] content) => StateFile.Replace(Path.Combine(_path, name), content);
}
