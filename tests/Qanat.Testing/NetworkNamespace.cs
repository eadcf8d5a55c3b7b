using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Qanat.Testing;

/// <summary>
/// One Linux network namespace with loopback up, made with iproute2 and removed on dispose (processes started in it should have ended by then).
/// Needs root; ask <see cref="IsSupported"/> first.
/// </summary>
public sealed class NetworkNamespace : IDisposable
{
    private static int s_counter;
    private int _disposed;

    private NetworkNamespace(string name) => Name = name;

    /// <summary>Name as <c>ip netns</c> lists it.</summary>
    public string Name { get; }

    /// <summary>True when this process can make network namespaces; otherwise <paramref name="reason"/> says why not, for a person.</summary>
    public static bool IsSupported(out string reason)
    {
        reason = "";
        if (!OperatingSystem.IsLinux())
        {
            reason = "network namespaces need Linux";
        }
        else if (!Environment.IsPrivilegedProcess)
        {
            reason = "network namespaces need root";
        }
        else
        {
            try
            {
                using NetworkNamespace probe = Create("qprobe");
            }
            catch (Exception e) when (e is InvalidOperationException or Win32Exception)
            {
                reason = e.Message;
            }
        }
        return reason.Length == 0;
    }

    /// <summary>Makes a namespace with a unique name that starts with <paramref name="prefix"/> and brings its loopback up.</summary>
    /// <exception cref="InvalidOperationException">The <c>ip</c> tool refused.</exception>
    public static NetworkNamespace Create(string prefix)
    {
        NetworkNamespace made = new($"{prefix}-{Environment.ProcessId:x}-{Interlocked.Increment(ref s_counter):x}");
        RunIp("netns", "add", made.Name);
        try
        {
            made.Ip("link", "set", "lo", "up");
        }
        catch
        {
            made.Dispose();
            throw;
        }
        return made;
    }

    /// <summary>Joins two namespaces with a pair of virtual Ethernet devices; addresses are CIDR, such as <c>10.7.1.1/24</c>.</summary>
    public static void Connect(NetworkNamespace left, string leftDevice, string leftAddress, NetworkNamespace right, string rightDevice, string rightAddress)
    {
        left.Ip("link", "add", leftDevice, "type", "veth", "peer", "name", rightDevice, "netns", right.Name);
        left.Ip("addr", "add", leftAddress, "dev", leftDevice);
        right.Ip("addr", "add", rightAddress, "dev", rightDevice);
        left.SetDevice(leftDevice, up: true);
        right.SetDevice(rightDevice, up: true);
    }

    /// <summary>Runs <c>ip -n NAME ...</c>.</summary>
    /// <exception cref="InvalidOperationException">It failed; the message holds its error text.</exception>
    public void Ip(params string[] arguments) => RunIp(["-n", Name, .. arguments]);

    /// <summary>Brings a device up, or down: nothing passes any more and nobody is told (a pulled cable).</summary>
    public void SetDevice(string device, bool up) => Ip("link", "set", device, up ? "up" : "down");

    /// <summary>Start information for a program inside this namespace. The started process keeps its own process id (<c>ip netns exec</c> execs).</summary>
    public ProcessStartInfo StartInfo(string program, params IEnumerable<string> arguments) =>
        new("ip", ["netns", "exec", Name, program, .. arguments]) { UseShellExecute = false };

    /// <summary>Runs <paramref name="function"/> on a thread of its own that lives in this namespace; sockets and TUN devices opened there stay in it.</summary>
    public T Run<T>(Func<T> function) => RunIn(Name, function);

    /// <summary>As <see cref="Run"/>, for a namespace made elsewhere.</summary>
    public static T RunIn<T>(string name, Func<T> function)
    {
        T? result = default;
        Exception? failure = null;
        Thread thread = new(() =>
        {
            try
            {
                using SafeFileHandle handle = File.OpenHandle($"/run/netns/{name}", FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
                if (setns((int)handle.DangerousGetHandle(), CloneNewNet) != 0)
                {
                    throw new Win32Exception(Marshal.GetLastPInvokeError());
                }
                result = function();
            }
            catch (Exception e)
            {
                failure = e;
            }
        });
        thread.Start();
        thread.Join();
        return failure is null ? result! : throw new InvalidOperationException($"In namespace {name}: {failure.Message}", failure);
    }

    /// <summary>Removes the namespace and its devices.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            RunIp("netns", "del", Name);
        }
    }

    private static void RunIp(params string[] arguments)
    {
        using Process ip = Process.Start(new ProcessStartInfo("ip", arguments) { RedirectStandardError = true, UseShellExecute = false })
            ?? throw new InvalidOperationException("ip did not start");
        string error = ip.StandardError.ReadToEnd();
        ip.WaitForExit();
        if (ip.ExitCode != 0)
        {
            throw new InvalidOperationException($"ip {string.Join(' ', arguments)}: {error.Trim()}");
        }
    }

    private const int CloneNewNet = 0x40000000;

    [DllImport("libc", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
#pragma warning disable SYSLIB1054 // A source-generated import would need unsafe code in a test library.
    private static extern int setns(int descriptor, int kind);
#pragma warning restore SYSLIB1054
}
