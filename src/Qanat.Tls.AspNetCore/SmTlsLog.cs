using System.Net;
using Microsoft.Extensions.Logging;

namespace Qanat.Tls.AspNetCore;

/// <summary>Log of SM TLS in servers: event ids 1400 to 1499.</summary>
internal static partial class SmTlsLog
{
    [LoggerMessage(1400, LogLevel.Debug, "Handshake with {Address} failed: {Code}: {Detail}")]
    public static partial void HandshakeFailed(this ILogger logger, EndPoint? address, string code, string detail);
}
