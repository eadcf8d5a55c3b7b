using System.Net;
using Microsoft.Extensions.Options;
using Qanat.Hub.Membership;
using Qanat.Tunnel;
using Qanat.Tunnel.Identity;
using Qanat.Wire;

namespace Qanat.Hub;

/// <summary>Checks settings as a whole. Each failure reads <c>key: what is wrong and what to set</c>.</summary>
public sealed class HubOptionsValidator : IValidateOptions<HubOptions>
{
    /// <inheritdoc/>
    public ValidateOptionsResult Validate(string? name, HubOptions options)
    {
        List<string> failures = [];
        if (!ParticipantName.TryNormalize(options.Name, out _))
        {
            failures.Add("name: must be 1 to 63 characters of a-z, 0-9 and '-', not at either end; set it to this hub's name, such as hub-east");
        }
        if (string.IsNullOrWhiteSpace(options.DataFolder))
        {
            failures.Add("data-folder: missing; set it to a folder that only the hub may read, such as /var/lib/qanat/hub");
        }
        CheckListeners(options, failures);
        CheckMesh(options, failures);
        if (options.Enrolment.OrganisationCa is { } ca)
        {
            CheckFile("enrolment.organisation-ca", () => CertificateFile.CheckAuthorities(ca, "organisation CA"), failures);
        }
        if (options.Quotas.BytesPerSecond is < 0 or (> 0 and < 16384))
        {
            failures.Add("quotas.bytes-per-second: must be 0 (no limit) or at least 16384");
        }
        if (options.Quotas.QueueBytes is < 0 or (> 0 and < 131072))
        {
            failures.Add("quotas.queue-bytes: must be 0 (no limit) or at least 131072, the room of two frames");
        }
        if (!string.IsNullOrEmpty(options.Admin.Listen) && !TryEndPoint(options.Admin.Listen, "http", out _))
        {
            failures.Add("admin.listen: must be http://ADDRESS:PORT with an IP address, such as http://127.0.0.1:7070");
        }
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }

    /// <summary>Reads <c>scheme://address:port</c> with an IP address, <c>localhost</c> or <c>*</c>.</summary>
    internal static bool TryEndPoint(string? text, string scheme, out IPEndPoint endPoint)
    {
        endPoint = new IPEndPoint(IPAddress.None, 0);
        string prefix = scheme + "://";
        if (text is null || !text.StartsWith(prefix, StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }
        string rest = text[prefix.Length..].TrimEnd('/');
        int colon = rest.LastIndexOf(':');
        if (colon <= 0 || !ushort.TryParse(rest[(colon + 1)..], out ushort port))
        {
            return false;
        }
        string host = rest[..colon].Trim('[', ']');
        IPAddress? address = host switch { "localhost" => IPAddress.Loopback, "*" => IPAddress.IPv6Any, _ => IPAddress.TryParse(host, out IPAddress? parsed) ? parsed : null };
        if (address is null)
        {
            return false;
        }
        endPoint = new IPEndPoint(address, port);
        return true;
    }

    private static void CheckListeners(HubOptions options, List<string> failures)
    {
        if (options.Listen.Count == 0)
        {
            failures.Add("listen: empty; set at least one address, such as ws://0.0.0.0:7000");
        }
        bool wss = false;
        // An address is one listener's; port 0 is another one each time.
        Dictionary<IPEndPoint, string> seen = [];
        void Claim(string key, string? text, string scheme)
        {
            if (TryEndPoint(text, scheme, out IPEndPoint address) && address.Port != 0 && !seen.TryAdd(address, key))
            {
                failures.Add($"{key}: {address} is the address of {seen[address]} too; give each its own port");
            }
        }

        for (int i = 0; i < options.Listen.Count; i++)
        {
            wss |= options.Listen[i].StartsWith("wss://", StringComparison.OrdinalIgnoreCase);
            if (!TryEndPoint(options.Listen[i], "ws", out _) && !TryEndPoint(options.Listen[i], "wss", out _))
            {
                failures.Add($"listen[{i}]: must be ws://ADDRESS:PORT or wss://ADDRESS:PORT with an IP address, such as ws://0.0.0.0:7000");
            }
        }
        for (int i = 0; i < options.Listen.Count; i++)
        {
            Claim($"listen[{i}]", options.Listen[i], options.Listen[i].StartsWith("wss", StringComparison.OrdinalIgnoreCase) ? "wss" : "ws");
        }
        Claim("mesh.listen", options.Mesh.Listen, "tcp");
        Claim("admin.listen", options.Admin.Listen, "http");
        if (wss && options.TlsCertificate is null)
        {
            failures.Add("tls-certificate: missing, but listen has a wss:// address; set tls-certificate and tls-key to PEM files");
        }
        if (options is { TlsCertificate: not null, TlsKey: null })
        {
            failures.Add("tls-key: missing, but tls-certificate is set; set it to the PEM file of the certificate's key");
        }
        else if (options is { TlsCertificate: null, TlsKey: not null } && !wss)
        {
            failures.Add("tls-certificate: missing, but tls-key is set; set it to the PEM file of the certificate");
        }
        else if (options is { TlsCertificate: { } certificate, TlsKey: { } key })
        {
            CheckFile(File.Exists(certificate) ? "tls-key" : "tls-certificate", () => CertificateFile.ReadWithKey(certificate, key).Dispose(), failures);
        }
        for (int i = 0; i < options.Advertise.Count; i++)
        {
            if (!Uri.TryCreate(options.Advertise[i], UriKind.Absolute, out Uri? url) || url.Scheme is not ("ws" or "wss"))
            {
                failures.Add($"advertise[{i}]: must be a ws:// or wss:// URL that nodes can reach");
            }
        }
    }

    // Read as they will be used: a file that exists and cannot be used is found before anything starts.
    private static void CheckFile(string key, Action read, List<string> failures)
    {
        try
        {
            read();
        }
        catch (TunnelException e)
        {
            failures.Add($"{key}: {e.Message}");
        }
    }

    private static void CheckMesh(HubOptions options, List<string> failures)
    {
        MeshOptions mesh = options.Mesh;
        if (!string.IsNullOrEmpty(mesh.Listen) && !TryEndPoint(mesh.Listen, "tcp", out _))
        {
            failures.Add("mesh.listen: must be tcp://ADDRESS:PORT with an IP address, such as tcp://0.0.0.0:7001");
        }
        if (mesh.Advertise is not null && !IsTcpUrl(mesh.Advertise))
        {
            failures.Add("mesh.advertise: must be tcp://HOST:PORT as other hubs reach it");
        }
        HashSet<Mid> mids = [];
        HashSet<string> names = new(StringComparer.OrdinalIgnoreCase) { options.Name };
        for (int i = 0; i < mesh.Peers.Count; i++)
        {
            MeshPeerOptions peer = mesh.Peers[i];
            if (!ParticipantName.TryNormalize(peer.Name, out _))
            {
                failures.Add($"mesh.peers[{i}].name: must be that hub's name (1 to 63 characters of a-z, 0-9 and '-')");
            }
            else if (!names.Add(peer.Name))
            {
                failures.Add($"mesh.peers[{i}].name: '{peer.Name}' is used twice or is this hub's own; every hub needs its own name");
            }
            if (!Mid.TryParse(peer.Mid, out Mid mid))
            {
                failures.Add($"mesh.peers[{i}].mid: must be that hub's mid; 'qanat status' prints it there");
            }
            else if (!mids.Add(mid))
            {
                failures.Add($"mesh.peers[{i}].mid: is listed twice; remove one");
            }
            if (!string.IsNullOrEmpty(peer.Address) && !IsTcpUrl(peer.Address))
            {
                failures.Add($"mesh.peers[{i}].address: must be tcp://HOST:PORT of that hub's mesh listener");
            }
        }
    }

    private static bool IsTcpUrl(string text) => Uri.TryCreate(text, UriKind.Absolute, out Uri? url) && url is { Scheme: "tcp", Port: > 0 };
}
