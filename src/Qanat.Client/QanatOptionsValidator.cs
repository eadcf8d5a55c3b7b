using Microsoft.Extensions.Options;
using Qanat.Tunnel.Links;
using Qanat.Wire;

namespace Qanat.Client;

/// <summary>Says everything that is wrong with <see cref="QanatOptions"/> at once, and what to set.</summary>
internal sealed class QanatOptionsValidator : IValidateOptions<QanatOptions>
{
    public ValidateOptionsResult Validate(string? name, QanatOptions options)
    {
        List<string> faults = [];
        if (options.Hubs.Count == 0)
        {
            faults.Add("Qanat:Hubs is empty: name at least one hub, such as ws://hub.example:7000.");
        }
        for (int i = 0; i < options.Hubs.Count; i++)
        {
            QanatHub hub = options.Hubs[i];
            if (!Uri.TryCreate(hub.Url, UriKind.Absolute, out Uri? url) || url.Scheme is not ("ws" or "wss") || url.UserInfo.Length > 0)
            {
                faults.Add($"Qanat:Hubs:{i}:Url '{hub.Url}' is not ws://host:port or wss://host:port.");
            }
            if (hub.Mid is not null && !Mid.TryParse(hub.Mid.AsSpan(), out _))
            {
                faults.Add($"Qanat:Hubs:{i}:Mid '{hub.Mid}' is not a mid (26 characters of a-z and 2-7).");
            }
            if (hub.HttpProxy is { } proxy && !proxy.StartsWith("file:", StringComparison.Ordinal) && !LinkTarget.TryParseHttpProxy(proxy, out _))
            {
                // Not shown: it may hold a password.
                faults.Add($"Qanat:Hubs:{i}:HttpProxy is not http://host:port or http://user:password@host:port (percent-encoded), or file:PATH of a file with that.");
            }
        }
        if (string.IsNullOrWhiteSpace(options.StateFolder))
        {
            faults.Add("Qanat:StateFolder is empty: name a folder of this program's own for its key.");
        }
        if (options.Name is { } participant && !IsName(participant))
        {
            faults.Add($"Qanat:Name '{participant}' is not 1 to 63 characters of a-z, 0-9 and '-'.");
        }
        if (options.ConnectSeconds is < 1 or > 300)
        {
            faults.Add($"Qanat:ConnectSeconds {options.ConnectSeconds}: from 1 to 300.");
        }
        return faults.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults);
    }

    private static bool IsName(string name) =>
        name.Length is >= 1 and <= 63 && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-');
}
