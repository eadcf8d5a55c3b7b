using System.Diagnostics.CodeAnalysis;
using System.Net;
using Microsoft.Extensions.Options;
using Qanat.Tunnel;
using Qanat.Tunnel.Access;
using Qanat.Tunnel.Identity;
using Qanat.Tunnel.Links;
using Qanat.Wire;

namespace Qanat.Node.Options;

/// <summary>One thing wrong with a configuration.</summary>
/// <param name="Key">YAML path, such as <c>services.psi.target</c> or <c>forwards[0].to</c>.</param>
/// <param name="Message">What is wrong and what to write instead.</param>
public sealed record OptionError(string Key, string Message)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Key}: {Message}";
}

/// <summary>Checks <see cref="NodeOptions"/> whole, before anything starts, and reads the certificate files that they name. Changes nothing.</summary>
public sealed class NodeOptionsValidator : IValidateOptions<NodeOptions>
{
    /// <inheritdoc/>
    public ValidateOptionsResult Validate(string? name, NodeOptions options)
    {
        IReadOnlyList<OptionError> errors = Check(options);
        return errors.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors.Select(e => e.ToString()));
    }

    /// <summary>All errors found; empty when the options are good.</summary>
    public static IReadOnlyList<OptionError> Check(NodeOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var errors = new List<OptionError>();
        void Error(string key, string message) => errors.Add(new OptionError(key, message));
        void Range(string key, long value, long low, long high)
        {
            if (value < low || value > high)
            {
                Error(key, $"{value} is out of range; write {low} to {high}.");
            }
        }

        if (string.IsNullOrWhiteSpace(options.Identity))
        {
            Error("identity", "is missing; write the folder that holds (or shall hold) this node's key.");
        }
        if (options.Name.Length > 0 && !IsLabel(options.Name, 63))
        {
            Error("name", $"'{options.Name}' is not a participant name; use 1 to 63 characters of a-z, 0-9 or '-'.");
        }
        if (options.EnrolmentToken is { } token && (token.IndexOf('.', StringComparison.Ordinal) is var dot && (dot <= 0 || dot == token.Length - 1)))
        {
            Error("enrolment-token", "is not of the form ID.SECRET; your hub's operator makes one with 'qanat hub token create'.");
        }
        if (options.OrganisationCa is { } ca)
        {
            CheckFile("organisation-ca", () => CertificateFile.CheckAuthorities(ca, "organisation CA"), Error);
        }
        if (options.Certificate is { } certificate)
        {
            CheckFile("certificate", () => CertificateFile.CheckChain(certificate, "organisation certificate"), Error);
        }
        ValidateHubs(options, Error);
        ValidateProxy(options.Proxy, Error, Range);
        if (options.Admin.Listen.Length > 0 && !TryParseAdminListen(options.Admin.Listen, out _))
        {
            Error("admin.listen", $"'{options.Admin.Listen}' is not http://IP:PORT; write for example http://127.0.0.1:7081.");
        }
        foreach ((string name, ServiceOptions service) in options.Services)
        {
            ValidateService($"services.{name}", name, service, Error, Range);
        }
        ValidateForwards(options, Error, Range);
        ValidateAllow("peers.allow", options.Peers.Allow, Error);
        Range("peers.max-connections", options.Peers.MaxConnections, 1, 1_000_000);
        Range("peers.opens-per-second", options.Peers.OpensPerSecond, 1, 1_000_000);
        Range("tunnel.grace-seconds", options.Tunnel.GraceSeconds, 1, 86_400);
        Range("tunnel.tunnel-memory-max-bytes", options.Tunnel.TunnelMemoryMaxBytes, 1 << 20, 1L << 40);
        Range("tunnel.session-window-max-bytes", options.Tunnel.SessionWindowMaxBytes, 1 << 18, 1L << 36);
        Range("tunnel.clock-skew-seconds", options.Tunnel.ClockSkewSeconds, 1, 86_400);
        return errors;
    }

    /// <summary>Parses <c>ip:port</c> (IPv6 in brackets).</summary>
    public static bool TryParseListen(string text, [NotNullWhen(true)] out IPEndPoint? endPoint)
    {
        endPoint = null;
        // IPEndPoint.TryParse takes a bare IP or a bare number as well; a port must be written.
        return text.LastIndexOf(':') > text.LastIndexOf(']') && text.Count(c => c == ':') is var colons
            && (colons == 1 || text.StartsWith('[')) && IPEndPoint.TryParse(text, out endPoint);
    }

    /// <summary>Parses <c>http://ip:port</c>.</summary>
    public static bool TryParseAdminListen(string text, [NotNullWhen(true)] out IPEndPoint? endPoint)
    {
        endPoint = null;
        return text.StartsWith("http://", StringComparison.OrdinalIgnoreCase) && TryParseListen(text["http://".Length..].TrimEnd('/'), out endPoint);
    }

    private static void ValidateHubs(NodeOptions options, Action<string, string> error)
    {
        if (options.Hubs.Count == 0)
        {
            error("hubs", "is empty; write at least one hub with its url and mid.");
        }
        for (int i = 0; i < options.Hubs.Count; i++)
        {
            HubOptions hub = options.Hubs[i];
            if (!Uri.TryCreate(hub.Url, UriKind.Absolute, out Uri? url) || url.Scheme is not ("ws" or "wss"))
            {
                error($"hubs[{i}].url", $"'{hub.Url}' is not a hub address; write ws://HOST:PORT/ or wss://HOST:PORT/.");
            }
            if (hub.Mid is not null && !Mid.TryParse(hub.Mid, out _))
            {
                error($"hubs[{i}].mid", $"'{hub.Mid}' is not a mid; it has 26 base32 characters in groups and is printed by 'qanat init hub' and 'qanat status' there.");
            }
            if (hub.HttpProxy is not null && !LinkTarget.TryParseHttpProxy(hub.HttpProxy, out _))
            {
                // Not shown: it may hold a password.
                error($"hubs[{i}].http-proxy", "is not the address of a forward proxy; write http://HOST:PORT or http://USER:PASSWORD@HOST:PORT, percent-encoded.");
            }
            if (hub.Ca is { } ca)
            {
                CheckFile($"hubs[{i}].ca", () => CertificateFile.CheckAuthorities(ca, "hub CA"), error);
            }
        }
    }

    private static void ValidateProxy(ProxyOptions proxy, Action<string, string> error, Action<string, long, long, long> range)
    {
        if (proxy.Listen.Length > 0)
        {
            ValidateListen("proxy.listen", proxy.Listen, proxy.AllowRemote, "proxy.allow-remote", error);
        }
        range("proxy.max-connections", proxy.MaxConnections, 1, 1_000_000);
        range("proxy.max-connections-per-service", proxy.MaxConnectionsPerService, 1, 1_000_000);
        range("proxy.first-byte-seconds", proxy.FirstByteSeconds, 1, 3600);
        range("proxy.header-seconds", proxy.HeaderSeconds, 1, 3600);
        range("proxy.keep-alive-seconds", proxy.KeepAliveSeconds, 1, 86_400);
        range("proxy.connect-seconds", proxy.ConnectSeconds, 1, 3600);
        range("proxy.activity-seconds", proxy.ActivitySeconds, 1, 7 * 86_400);
        range("proxy.pool-idle-seconds", proxy.PoolIdleSeconds, 1, 100);
        range("proxy.header-max-bytes", proxy.HeaderMaxBytes, 1024, 16 << 20);
        range("proxy.refusal-wait-milliseconds", proxy.RefusalWaitMilliseconds, 0, 60_000);
    }

    private static void ValidateService(string key, string name, ServiceOptions service, Action<string, string> error, Action<string, long, long, long> range)
    {
        if (!IsLabel(name, 63))
        {
            error(key, $"'{name}' is not a service name; use 1 to 63 characters of a-z, 0-9, '-' or '_' in lower case.");
        }
        if (!Uri.TryCreate(service.Target, UriKind.Absolute, out Uri? target) || target.Scheme is not ("http" or "https" or "h2c" or "tcp") || target.Host.Length == 0)
        {
            error($"{key}.target", $"'{service.Target}' is not a target; write http://HOST:PORT, https://HOST:PORT, h2c://HOST:PORT or tcp://HOST:PORT.");
        }
        else if (target.Port <= 0)
        {
            error($"{key}.target", $"'{service.Target}' has no port; write {target.Scheme}://{target.Host}:PORT.");
        }
        else if (target.UserInfo.Length > 0 || target.Query.Length > 0 || target.Fragment.Length > 0 || target.AbsolutePath is not ("" or "/"))
        {
            error($"{key}.target", "must be scheme, host and port only; paths come from the request.");
        }
        if (service.TargetCa is { } ca)
        {
            CheckFile($"{key}.target-ca", () => CertificateFile.CheckAuthorities(ca, "target CA"), error);
        }
        ValidateAllow($"{key}.allow", service.Allow, error);
        range($"{key}.max-connections", service.MaxConnections, 1, 1_000_000);
        range($"{key}.max-backend-connections", service.MaxBackendConnections, 1, 1_000_000);
        range($"{key}.connect-seconds", service.ConnectSeconds, 1, 3600);
        range($"{key}.activity-seconds", service.ActivitySeconds, 1, 7 * 86_400);
    }

    // Read as they will be used: a file that exists and cannot be used must be found here, not when a running node takes the settings over.
    private static void CheckFile(string key, Action read, Action<string, string> error)
    {
        try
        {
            read();
        }
        catch (TunnelException e)
        {
            error(key, e.Message);
        }
    }

    private static void ValidateForwards(NodeOptions options, Action<string, string> error, Action<string, long, long, long> range)
    {
        // An address is one listener's; port 0 is another one each time.
        var seen = new Dictionary<IPEndPoint, string>();
        void Claim(string key, string listen)
        {
            if (TryParseListen(listen, out IPEndPoint? address) && address.Port != 0 && !seen.TryAdd(address, key))
            {
                error(key, $"'{listen}' is the address of {seen[address]} too; give each its own port.");
            }
        }

        Claim("proxy.listen", options.Proxy.Listen);
        if (TryParseAdminListen(options.Admin.Listen, out IPEndPoint? admin))
        {
            Claim("admin.listen", admin.ToString());
        }
        for (int i = 0; i < options.Forwards.Count; i++)
        {
            ForwardOptions forward = options.Forwards[i];
            ValidateListen($"forwards[{i}].listen", forward.Listen, forward.AllowRemote, $"forwards[{i}].allow-remote", error);
            Claim($"forwards[{i}].listen", forward.Listen);
            try
            {
                QanatEndPoint.Parse(forward.To);
            }
            catch (TunnelException e)
            {
                error($"forwards[{i}].to", e.Message);
            }
            range($"forwards[{i}].max-connections", forward.MaxConnections, 1, 1_000_000);
        }
    }

    private static void ValidateListen(string key, string listen, bool allowRemote, string allowKey, Action<string, string> error)
    {
        if (!TryParseListen(listen, out IPEndPoint? endPoint))
        {
            error(key, $"'{listen}' is not IP:PORT; write for example 127.0.0.1:7080.");
        }
        else if (!allowRemote && !IPAddress.IsLoopback(endPoint.Address))
        {
            error(key, $"'{listen}' is reachable from other machines, and whoever reaches it acts as this organisation; listen on 127.0.0.1, or set {allowKey}: true and fence it with a firewall.");
        }
    }

    private static void ValidateAllow(string key, List<string> allow, Action<string, string> error)
    {
        for (int i = 0; i < allow.Count; i++)
        {
            if (!AllowList.IsEntry(allow[i]))
            {
                error($"{key}[{i}]", $"'{allow[i]}' is neither a participant name, a mid nor '*'.");
            }
        }
    }

    private static bool IsLabel(string text, int limit) =>
        text.Length is > 0 && text.Length <= limit && text.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '_');
}
