using System.Diagnostics.CodeAnalysis;
using Qanat.Tunnel;

namespace Qanat.Client.Http;

/// <summary>
/// Host names of HTTP requests that ride a tunnel: <c>SERVICE.PARTICIPANT.qanat</c>, where the participant is a name, a name with its hub
/// (<c>hospital-b.hub-west</c>) or a mid. Without a service (<c>PARTICIPANT.qanat</c>) it is <c>default</c>. The same names work through a node's proxy.
/// </summary>
public static class QanatHost
{
    private const string Suffix = ".qanat";
    private const string DefaultService = "default";

    /// <summary>The tunnel address of a host name; false when it is no Qanat name. Letter case and one trailing dot do not matter.</summary>
    public static bool TryParse(string host, [NotNullWhen(true)] out QanatEndPoint? endPoint)
    {
        ArgumentNullException.ThrowIfNull(host);
        endPoint = null;
        ReadOnlySpan<char> name = host.EndsWith('.') ? host.AsSpan(0, host.Length - 1) : host;
        if (name.Length <= Suffix.Length || !name.EndsWith(Suffix, StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }
        string[] labels = name[..^Suffix.Length].ToString().Split('.');
        if (labels.Any(label => label.Length is 0 or > 63 || label.Any(c => !(char.IsAsciiLetterOrDigit(c) || c is '-' or '_'))))
        {
            return false;
        }
        string participant = labels.Length == 1 ? labels[0] : string.Join('.', labels.Skip(1));
        if (participant.Length > 127)
        {
            return false;
        }
        endPoint = new QanatEndPoint(participant, labels.Length == 1 ? DefaultService : labels[0]);
        return true;
    }

    /// <summary>The address for HTTP requests to a service: <c>http://SERVICE.PARTICIPANT.qanat/</c>.</summary>
    public static Uri ToUri(QanatEndPoint endPoint)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        return new Uri($"http://{endPoint.Service}.{endPoint.Participant}{Suffix}/");
    }
}
