using System.Security.Cryptography;
using System.Text;
using Qanat.Node.Options;
using Qanat.Tunnel;
using Qanat.Tunnel.Identity;
using Qanat.Tunnel.Links;
using Qanat.Wire;

namespace Qanat.Node.Hosting;

/// <summary>What a node keeps in its identity folder: key, membership ticket, learned hubs, pins, admin token. Files are readable by the owner only.</summary>
internal sealed class NodeState
{
    private readonly string _folder;
    private readonly Lock _lock = new();

    public NodeState(string folder)
    {
        _folder = folder;
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
        }
        else
        {
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    private string KeyFile => Path.Combine(_folder, "node.key");

    private string TicketFile => Path.Combine(_folder, "membership.ticket");

    private string HubsFile => Path.Combine(_folder, "hubs.learned");

    private string HubPinsFile => Path.Combine(_folder, "hubs.pinned");

    /// <summary>Names in allow lists that are pinned to mids.</summary>
    public string PinsFile => Path.Combine(_folder, "peer-pins.json");

    /// <summary>The admin token, unless configured elsewhere.</summary>
    public string AdminTokenFile => Path.Combine(_folder, "admin.token");

    /// <summary>The key, made at the first start.</summary>
    public NodeIdentity LoadIdentity(NodeOptions options, TimeProvider time)
    {
        if (!File.Exists(KeyFile))
        {
            using NodeIdentity created = NodeIdentity.Create(time);
            created.Save(KeyFile);
        }
        return NodeIdentity.Load(KeyFile, options.Certificate, time);
    }

    public byte[]? LoadTicket() => File.Exists(TicketFile) && new FileInfo(TicketFile).Length <= 64 * 1024 ? File.ReadAllBytes(TicketFile) : null;

    public void SaveTicket(byte[] ticket) => Write(TicketFile, ticket);

    /// <summary>Hubs learned in earlier runs; lines that are not well-formed are left out.</summary>
    public IReadOnlyList<HubAddress> LoadHubs()
    {
        if (!File.Exists(HubsFile) || new FileInfo(HubsFile).Length > 1 << 20)
        {
            return [];
        }
        return [.. File.ReadLines(HubsFile).Select(ToHub).OfType<HubAddress>()];
    }

    private static HubAddress? ToHub(string line)
    {
        string[] parts = line.Split(' ');
        return parts.Length == 2 && Uri.TryCreate(parts[0], UriKind.Absolute, out Uri? address) && Mid.TryParse(parts[1], out Mid mid) ? new HubAddress(address, mid) : null;
    }

    public void SaveHubs(IReadOnlyList<HubAddress> hubs) => SaveHubs(HubsFile, hubs);

    private void SaveHubs(string file, IReadOnlyList<HubAddress> hubs) =>
        Write(file, Encoding.UTF8.GetBytes(string.Concat(hubs.Where(h => h.Mid is not null).Select(h => $"{h.Address} {h.Mid}\n"))));

    /// <summary>Keys of hubs configured without a mid, as met first; a line each.</summary>
    /// <exception cref="TunnelException">The file is damaged: a pin that is not understood must not be one that is not there.</exception>
    public IReadOnlyList<HubAddress> LoadHubPins() => !File.Exists(HubPinsFile) ? [] : [.. File.ReadLines(HubPinsFile).Select(line =>
        ToHub(line) ?? throw StateFile.Damaged(HubPinsFile, "the next key that answers for a hub configured without a mid is trusted"))];

    /// <summary>Keeps one more.</summary>
    public void AddHubPin(HubAddress hub)
    {
        lock (_lock)
        {
            SaveHubs(HubPinsFile, [.. LoadHubPins().Where(known => known.Address != hub.Address), hub]);
        }
    }

    /// <summary>The bearer token for changes at the admin listener, made when missing.</summary>
    public string LoadAdminToken(string? file)
    {
        file ??= AdminTokenFile;
        if (!File.Exists(file))
        {
            Write(file, Encoding.ASCII.GetBytes(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32)) + "\n"));
        }
        string token = File.ReadAllText(file).Trim();
        return token.Length >= 16 ? token : throw new InvalidDataException($"The admin token in '{file}' is shorter than 16 characters; delete the file to have a new one made.");
    }

    private void Write(string file, byte[] content)
    {
        lock (_lock)
        {
            StateFile.Replace(file, content);
        }
    }
}
